/**
 * <metric-chart>: a live chart of a run's metrics, its legend with the values under the pointer,
 * and the same as a table. `update({chart, run, curve, axis, log})` says what to show; the chart
 * draws itself when it is seen. Emits `hover` with the index of the epoch pointed at, or null.
 */

import { AXES, axisEnd } from "../app/curves.js";
import { h, reconcile, setText, svg } from "../app/dom.js";
import { integer } from "../app/format.js";
import { layout, traces } from "../app/plot-layout.js";
import "./curve-table.js";
import { LiveChart } from "./live-chart.js";

class MetricChart extends LiveChart {
  build() {
    this.hovered = null;
    this.heading = h("h2", { id: `chart-${this.dataset.name}` });
    this.unit = h("span", { class: "unit" });
    /** Where a view puts controls of its own. */
    this.tools = h("span", { class: "tools" });
    this.legend = h("ul", { class: "legend" });
    this.at = h("span", { class: "at soft" });
    this.table = h("curve-table");
    this.append(
      h(
        "figure",
        { "aria-labelledby": this.heading.id },
        h(
          "figcaption",
          {},
          h(
            "div",
            { class: "chart-head" },
            this.heading,
            this.unit,
            this.at,
            this.tools,
            this.reset,
          ),
          this.legend,
        ),
        this.plot,
        this.table,
      ),
    );
  }

  update(view) {
    const { axis, log } = this.view ?? {};
    const soon = view.axis !== axis || view.log !== log;
    if (view.axis !== axis) this.unzoom("x");
    if (view.log !== log) this.unzoom("y");
    this.view = view;
    if (!this.isBuilt) return;
    setText(this.heading, view.chart.title);
    setText(this.unit, view.chart.unit);
    this.showReadout();
    this.table.update(view.chart, view.curve);
    this.redraw({ soon });
  }

  drawing({ size, zoom, revision }) {
    const { chart, run, curve, axis, log } = this.view;
    const { title } = AXES[axis];
    const end = axisEnd(axis, run, curve);
    this.x = AXES[axis].place(curve);
    return [
      traces(chart, curve, this.x),
      layout(chart, { curve, axis, title, end, log, zoom, size, revision }),
    ];
  }

  listenToPlot() {
    super.listenToPlot();
    this.plot.on("plotly_hover", ({ points }) => this.point(points[0].pointIndex, true));
    this.plot.on("plotly_unhover", () => this.point(null, true));
  }

  /** Show the epoch at `index`, or the newest for null; `tell` the other charts. */
  point(index, tell = false) {
    if (index === this.hovered) return;
    this.hovered = index;
    this.showReadout();
    if (tell) this.dispatchEvent(new CustomEvent("hover", { detail: index }));
    else if (this.isDrawn && this.x?.length) this.mark(index);
  }

  /** Draw the line of another chart's pointer here too. */
  mark(index) {
    if (index === null || this.x[index] === undefined) window.Plotly.Fx.unhover(this.plot);
    else window.Plotly.Fx.hover(this.plot, [{ curveNumber: 0, pointNumber: index }]);
  }

  showReadout() {
    const { chart, curve } = this.view;
    const index = this.hovered ?? curve.length - 1;
    const metrics = curve[index];
    const entry = legendEntry((field) => {
      const { curve: now } = this.view;
      return chart.format(now[this.hovered ?? now.length - 1]?.[field]);
    });
    reconcile(this.legend, chart.series, (series) => series.field, entry);
    setText(this.at, metrics ? `epoch ${integer(metrics.epoch)}` : "no epoch yet");
    const values = chart.series.map(
      ({ label, field }) => `${label}: ${chart.format(metrics?.[field])}`,
    );
    this.plot.setAttribute(
      "aria-label",
      `${chart.title} over ${curve.length} epochs. ${values.join("; ")}.`,
    );
  }
}

/** Makes an entry of the legend: a piece of the line, its name and its value. */
function legendEntry(valueOf) {
  return () => {
    const line = svg("line", { x1: 0, x2: 22, y1: 5, y2: 5 });
    const label = h("span");
    const value = h("span", { class: "value" });
    const node = h(
      "li",
      {},
      svg("svg", { width: 22, height: 10, "aria-hidden": "true" }, line),
      label,
      value,
    );
    node.update = (series) => {
      line.style.stroke = series.colour;
      line.style.strokeWidth = series.width;
      line.style.strokeDasharray = series.dash === "solid" ? "none" : series.dash;
      line.style.strokeLinecap = "butt";
      setText(label, series.label);
      setText(value, valueOf(series.field));
    };
    return node;
  };
}

customElements.define("metric-chart", MetricChart);
