/** <compare-table>: a row a run: where it stands, and the fields of the spec in which they differ. */

import { h, svg } from "../app/dom.js";
import { integer, loss, percent } from "../app/format.js";
import { icon } from "../app/icons.js";
import { MARK_PATHS, stylesOf } from "../app/panel-style.js";
import { runPath } from "../app/router.js";
import { fieldLabel, runTitle, standing, worded } from "../app/words.js";
import { dataTable } from "./data-table.js";

const RESULTS = [
  ["State", (run) => standing(run).word],
  ["Epochs", (run) => integer(run.epochs_done)],
  ["Training loss", ({ latest }) => loss(latest?.train_loss)],
  ["Training accuracy", ({ latest }) => percent(latest?.train_accuracy)],
  ["Test accuracy", ({ latest }) => percent(latest?.test_accuracy)],
];

class CompareTable extends HTMLElement {
  /** `runs` as the API shows them; `panel`: whose styles the chart uses. Emits `remove`. */
  update(runs, panel) {
    const key = JSON.stringify([runs, panel.series.map((series) => series.key)]);
    if (key === this.key) return;
    this.key = key;
    const fields = Object.keys(runs[0].spec).filter((field) => differs(runs, field));
    const styles = stylesOf(panel);
    const label = new Map(panel.series.flatMap(({ key, runs: ids }) => ids.map((id) => [id, key])));
    const heads = ["Run", ...fields.map(fieldLabel), ...RESULTS.map(([name]) => name)];
    const focused = this.contains(document.activeElement) && document.activeElement.dataset.key;
    const rest = runs.length < 2 ? "" : "All other fields of their specifications are the same.";
    this.replaceChildren(
      h("h2", {}, "What differs"),
      h(
        "div",
        { class: "table-frame", tabindex: "0", "aria-label": "What differs, as a table" },
        dataTable(
          [...heads, h("span", { class: "unseen" }, "Remove")],
          runs.map((run) => this.row(run, fields, styles.get(label.get(run.id)))),
          { class: "compared", caption: rest },
        ),
      ),
    );
    if (focused) this.querySelector(`[data-key="${focused}"]`)?.focus();
  }

  row(run, fields, style) {
    const mark = style && svg("path", { d: MARK_PATHS[style.mark] });
    const sample = svg("svg", { width: 10, height: 10, class: "sample", "aria-hidden": "true" });
    if (mark) {
      sample.append(mark);
      sample.style.color = style.colour;
    }
    const link = h("a", { href: runPath(run.id), "data-key": run.id }, runTitle(run));
    const remove = h(
      "button",
      {
        type: "button",
        class: "button tight quiet",
        "aria-label": `Remove ${runTitle(run)}`,
        "data-key": `remove-${run.id}`,
        onclick: () => this.dispatchEvent(new CustomEvent("remove", { detail: run.id })),
      },
      icon("failed", 12),
    );
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, sample, link),
      fields.map((field) => h("td", {}, worded(field, run.spec[field]))),
      RESULTS.map(([, read]) => h("td", {}, read(run))),
      h("td", {}, remove),
    );
  }
}

function differs([first, ...others], field) {
  return others.some(({ spec }) => spec[field] !== first.spec[field]);
}

customElements.define("compare-table", CompareTable);
