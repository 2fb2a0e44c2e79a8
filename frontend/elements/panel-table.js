/** <panel-table>: the numbers behind a panel as a table, built when it is opened. */

import { h } from "../app/dom.js";
import { PANELS } from "../app/catalogue.js";
import { conditionOf, measured, measuredRange, MEASURES } from "../app/panel-words.js";
import { dataTable } from "./data-table.js";
import { LiveElement } from "./live-element.js";

const FLAGS = {
  "not fitted": "not fitted",
  duplicate: "duplicate in the paper",
  diverged: "diverged",
  expected: "expected",
  derived: "derived",
};

class PanelTable extends LiveElement {
  build() {
    this.frame = h("div", { class: "table-frame scroll", tabindex: "0" });
    this.details = h(
      "details",
      { ontoggle: () => this.show() },
      h("summary", { class: "small soft" }, "View as table"),
      this.frame,
    );
    this.append(this.details);
  }

  update(panel, paper) {
    Object.assign(this, { panel, paper });
    if (this.isBuilt) this.show();
  }

  show() {
    if (!this.details.open || !this.panel) return;
    const { panel, paper } = this;
    const ours = panel.series.filter(({ kind }) => kind !== "running best");
    // The paper's points lie elsewhere on curves: only those over p share our rows.
    const beside = paper && PANELS[panel.name].kind === "points" ? panel.references : [];
    const columns = [...ours, ...beside];
    const places = [...new Set(columns.flatMap(({ x }) => x))].sort((a, b) => a - b);
    this.frame.setAttribute("aria-label", `${panel.title}, as a table`);
    this.frame.replaceChildren(
      dataTable(
        [panel.x_axis.title, ...columns.map((series) => [heading(panel, series), "right"])],
        places.map((x) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, at(panel, x)),
            columns.map((series) => h("td", { class: "right" }, cell(panel, series, x))),
          ),
        ),
        { caption: caption(panel, beside.length > 0) },
      ),
    );
  }
}

function caption(panel, hasPaper) {
  const rest = hasPaper
    ? "The paper’s values are digitised."
    : "The files to download also have the references.";
  return `Mean over seeds, with the spread. ${rest}`;
}

function heading(panel, series) {
  const several = new Set(panel.series.map(({ measure }) => measure)).size > 1;
  const measure = several && MEASURES[series.measure] ? `, ${MEASURES[series.measure].word}` : "";
  if (series.source !== "ours") return `${conditionOf(series)}, ${series.source}${measure}`;
  return series.kind === "seed" ? series.label + measure : conditionOf(series) + measure;
}

function at(panel, x) {
  return panel.x_axis.unit === "1" ? x.toFixed(1) : measured(x, panel.x_axis.unit);
}

function cell({ y_axis: { unit }, seeds }, series, x) {
  const i = series.x.indexOf(x);
  if (i < 0) return "–";
  const value = measured(series.y[i], unit);
  const flag = series.flag[i];
  const bound = flag === "lower bound" ? "≥ " : "";
  const spread =
    series.spread !== "none" && series.high[i] !== null && series.n[i] > 1
      ? measuredRange(series.low[i], series.high[i], unit)
      : "";
  const said = FLAGS[flag] ? `, ${FLAGS[flag]}` : "";
  const fewer = series.kind === "mean" && series.n[i] < seeds ? `, n = ${series.n[i]}` : "";
  return bound + value + spread + said + fewer;
}

customElements.define("panel-table", PanelTable);
