/** <spec-list>: what determines the run: the main facts, then where it differs from the default. */

import { h, setText } from "../app/dom.js";
import { number } from "../app/format.js";
import { choice, fieldLabel, stopRules, worded } from "../app/words.js";
import { copyBlock } from "./copy-block.js";
import { LiveElement } from "./live-element.js";

class SpecList extends LiveElement {
  build() {
    this.append(h("h2", {}, "Specification"));
    this.main = h("dl", { class: "facts-list" });
    this.changes = h("dl", { class: "facts-list" });
    this.heading = h("h3");
    this.rest = h("dl", { class: "facts-list" });
    this.json = copyBlock("Specification as JSON");
    this.append(
      this.main,
      this.heading,
      this.changes,
      h("details", {}, h("summary", { class: "small soft" }, "All other fields"), this.rest),
      h("details", {}, h("summary", { class: "small soft" }, "As JSON"), this.json),
    );
    if (this.run) this.show();
  }

  update(run) {
    const key = `${run.spec_hash} ${run.epochs} ${JSON.stringify(run.stop)} ${run.priority}`;
    this.run = run;
    if (this.key === key) return;
    this.key = key;
    if (this.isBuilt) this.show();
  }

  show() {
    const { run } = this;
    const { spec, changes } = run;
    const main = ["dataset", "model", "randomization", "corruption"].filter(
      (field) => spec[field] !== null,
    );
    const changed = Object.keys(changes).filter((field) => !main.includes(field));
    const others = Object.keys(spec).filter(
      (field) => !main.includes(field) && !changed.includes(field),
    );
    this.main.replaceChildren(
      ...main.flatMap((field) => fact(fieldLabel(field), worded(field, spec[field]))),
      ...fact("Epochs", until(run)),
      ...(run.priority ? fact("Priority", String(run.priority)) : []),
      ...fact("Run id", run.id, "mono"),
    );
    const differs = changed.length ? "Differs from" : "Otherwise just";
    this.heading.hidden = run.unknown_spec !== null;
    setText(this.heading, `${differs} the default of ${choice(spec.model)}`);
    this.changes.replaceChildren(
      ...changed.flatMap((field) => fact(fieldLabel(field), worded(field, spec[field]))),
    );
    this.rest.replaceChildren(
      ...others
        .filter((field) => spec[field] !== null)
        .flatMap((field) => fact(fieldLabel(field), worded(field, spec[field]))),
      ...fact("Why this precision", run.precision_reason || "–"),
      ...fact("Spec hash", run.spec_hash, "mono"),
    );
    this.json.update(JSON.stringify(spec, null, 2));
  }
}

function fact(name, value, style = null) {
  return [h("dt", {}, name), h("dd", { class: style }, value)];
}

/** "at most 60; stops at training accuracy 99.8 %" */
function until({ epochs, stop }) {
  const rules = stopRules(stop);
  const most = number(epochs);
  return rules.length ? `at most ${most}; stops ${rules.join(" or ")}` : most;
}

customElements.define("spec-list", SpecList);
