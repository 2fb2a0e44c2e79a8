/** <curve-table>: the numbers behind a chart as a table, built when it is opened. */

import { h, setText } from "../app/dom.js";
import { integer } from "../app/format.js";
import { LiveElement } from "./live-element.js";

const SHOWN = 500;

class CurveTable extends LiveElement {
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

  update(chart, curve) {
    this.chart = chart;
    this.curve = curve;
    if (this.isBuilt) this.show();
  }

  show() {
    if (!this.details.open || !this.chart) return;
    const { chart, curve } = this;
    const fields = chart.series.map(({ field }) => field).join();
    if (this.fields !== fields) {
      this.fields = fields;
      this.body = h("tbody");
      this.caption = h("caption", { class: "small soft" });
      const heads = ["Epoch", ...chart.series.map(({ label }) => label)];
      this.frame.setAttribute("aria-label", `${chart.title} as a table`);
      this.frame.replaceChildren(
        h(
          "table",
          {},
          this.caption,
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              heads.map((text) => h("th", { scope: "col", class: "right" }, text)),
            ),
          ),
          this.body,
        ),
      );
    }
    const rest =
      curve.length > SHOWN
        ? `The newest ${SHOWN} of ${integer(curve.length)} epochs; the CSV file has all.`
        : `${chart.title}, newest epoch first.`;
    setText(this.caption, rest);
    const rows = curve
      .slice(-SHOWN)
      .reverse()
      .map((metrics) =>
        h(
          "tr",
          {},
          h("th", { scope: "row", class: "right" }, integer(metrics.epoch)),
          chart.series.map(({ field }) =>
            h("td", { class: "right" }, chart.format(metrics[field])),
          ),
        ),
      );
    this.body.replaceChildren(...rows);
  }
}

customElements.define("curve-table", CurveTable);
