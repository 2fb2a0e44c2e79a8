/** <panel-provenance>: where a panel's numbers come from, and the command that makes them again. */

import { h } from "../app/dom.js";
import { moment, plural } from "../app/format.js";
import { runPath } from "../app/router.js";
import { copyBlock } from "./copy-block.js";
import { dataTable } from "./data-table.js";
import { LiveElement } from "./live-element.js";

class PanelProvenance extends LiveElement {
  build() {
    this.facts = h("dl", { class: "facts-list" });
    this.command = copyBlock("The command that makes these runs again");
    this.summary = h("summary", { class: "small soft" });
    this.frame = h("div", { class: "table-frame scroll", tabindex: "0", "aria-label": "The runs" });
    this.details = h("details", { ontoggle: () => this.showRuns() }, this.summary, this.frame);
    this.append(h("h2", {}, "Provenance"), this.facts, this.command, this.details);
    if (this.panel) this.show();
  }

  update(panel) {
    this.panel = panel;
    if (this.isBuilt) this.show();
  }

  show() {
    const { provenance: from } = this.panel;
    this.command.update(from.command);
    const words = [
      ["Runs", plural(from.runs.length, "run") + (from.mixed ? ", mixed" : "")],
      ["First begun", moment(from.first)],
      ["Last ended", moment(from.last)],
      ["Program", named("rethink", from.code_versions)],
      ["PyTorch", named("", from.torch_versions)],
      ["Devices", named("", from.devices)],
      ["Precision", named("", from.precisions)],
      ["Engine", named("", from.engines)],
      ["Data, SHA-256", hashes(from.data_fingerprints)],
    ];
    const key = JSON.stringify(from);
    if (key === this.key) return;
    this.key = key;
    this.facts.replaceChildren(
      ...words.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    );
    this.summary.textContent = `The ${plural(from.runs.length, "run")} with the hashes of their specs`;
    this.showRuns();
  }

  showRuns() {
    if (!this.details.open || !this.panel) return;
    const { provenance } = this.panel;
    const heads = ["Run", "Seed", "State", "Epochs", "Spec"];
    this.frame.replaceChildren(
      dataTable(
        heads,
        provenance.runs.map(line),
      ),
    );
  }
}

function line(run) {
  const p = run.corruption === null ? "" : `, p = ${run.corruption}`;
  const name = run.label + p;
  const there = run.state !== "missing";
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, there ? h("a", { href: runPath(run.id) }, name) : name),
    h("td", {}, String(run.seed)),
    h("td", {}, run.state.toLowerCase() + (run.mixed ? ", mixed" : "")),
    h("td", {}, `${run.epochs} of ${run.asked}`),
    h("td", { class: "mono", title: run.spec_hash }, run.spec_hash.slice(0, 16)),
  );
}

function named(prefix, values) {
  return values.length ? values.map((value) => `${prefix} ${value}`.trim()).join("; ") : "–";
}

function hashes(values) {
  if (!values.length) return "–";
  return values.map((value) => h("span", { class: "mono" }, value));
}

customElements.define("panel-provenance", PanelProvenance);
