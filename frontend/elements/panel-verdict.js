/** <panel-verdict>: the claim, the verdict with the numbers it rests on, and what was read off. */

import { h, setSentence } from "../app/dom.js";
import { icon } from "../app/icons.js";
import { measured, measuredRange, plain, unbroken, verdictWords } from "../app/panel-words.js";
import { dataTable } from "./data-table.js";
import { LiveElement } from "./live-element.js";
import { stateLine } from "./state-line.js";

class PanelVerdict extends LiveElement {
  build() {
    this.state = stateLine();
    this.sentence = h("p");
    this.checks = h("div");
    this.facts = h("div");
    this.append(
      h("div", { class: "title-line" }, h("h2", {}, "Verdict"), this.state),
      this.sentence,
      this.checks,
      this.facts,
    );
    if (this.panel) this.show();
  }

  update(panel) {
    this.panel = panel;
    if (this.isBuilt) this.show();
  }

  show() {
    const { verdict, facts } = this.panel;
    this.state.update(verdictWords(verdict.state));
    setSentence(this.sentence, verdict.sentence);
    const key = JSON.stringify([verdict.checks, facts]);
    if (key === this.key) return;
    this.key = key;
    this.checks.hidden = !verdict.checks.length;
    this.facts.hidden = !facts.length;
    this.checks.replaceChildren(
      ...table(
        "Conditions of the claim",
        ["Condition", "Ours", "Required", "Holds"],
        verdict.checks,
        check,
      ),
    );
    this.facts.replaceChildren(
      ...table("Read off the curves", ["Number", "Ours", "n", "Published"], facts, fact),
    );
  }
}

function table(title, heads, items, row) {
  return [
    h("h3", { class: "small" }, title),
    h(
      "div",
      { class: "table-frame scroll", tabindex: "0", "aria-label": title },
      dataTable(
        heads.map((head, i) => [head, i ? "right" : null]),
        items.map(row),
      ),
    ),
  ];
}

function check({ label, value, low, high, passed }) {
  const [name, word, tone] =
    passed === null
      ? ["queued", "not known", ""]
      : passed
        ? ["succeeded", "yes", "succeeded"]
        : ["failed", "no", "failed"];
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, label),
    h("td", { class: "right" }, plain(value)),
    h("td", { class: "right soft" }, range(low, high)),
    h("td", { class: "right" }, h("span", { class: `state ${tone}` }, icon(name, 12), word)),
  );
}

function range(low, high) {
  if (low === null && high === null) return "–";
  if (high === null) return low === 0 ? "above 0" : `at least ${plain(low)}`;
  if (low === null) return `at most ${plain(high)}`;
  return `${plain(low)} to ${plain(high)}`;
}

function fact({ label, value, low, high, n, planned, ...more }) {
  const { lower_bound: bound, diverged, unit, paper, report } = more;
  const spread = n > 1 && high !== null ? measuredRange(low, high, unit) : "";
  const lost = diverged ? `, ${diverged} diverged` : "";
  const ours = value === null ? "–" : `${bound ? "≥ " : ""}${measured(value, unit)}${spread}`;
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, unbroken(label)),
    h("td", { class: "right" }, ours),
    h("td", { class: "right" }, n === planned ? String(n) : `${n} of ${planned}`, lost),
    h("td", { class: "right soft" }, published(paper, report, unit)),
  );
}

/** The paper's number; the report's under it, with its name. */
function published(paper, report, unit) {
  if (report === null) return measured(paper, unit);
  const theirs = h("div", {}, `report ${measured(report, unit)}`);
  return paper === null ? theirs : [measured(paper, unit), theirs];
}

customElements.define("panel-verdict", PanelVerdict);
