/**
 * <race-chart>: training and test accuracy of both lanes of a race in one chart, as they grow.
 * `update({race, lanes})`, a lane with `labels`, `colour`, `epochs`, `fit` and its `curve`.
 */

import { h, svg } from "../app/dom.js";
import { percent } from "../app/format.js";
import { colour } from "../app/palette.js";
import { layout } from "../app/plot-layout.js";
import { LiveChart } from "./live-chart.js";

const LEAST = 20; // epochs that the axis shows
const MEASURES = [
  { field: "train_accuracy", label: "Training", dash: "solid", width: 2.5 },
  { field: "test_accuracy", label: "Test", dash: "4px,3px", width: 1.25 },
];

class RaceChart extends LiveChart {
  build() {
    this.append(
      h(
        "figure",
        { "aria-labelledby": "race-chart" },
        h(
          "figcaption",
          {},
          h(
            "div",
            { class: "chart-head" },
            h("h2", { id: "race-chart" }, "Accuracy"),
            h("span", { class: "unit" }, "fraction of images classified right"),
            this.reset,
          ),
          h("ul", { class: "legend" }, MEASURES.map(legendEntry)),
        ),
        this.plot,
      ),
    );
  }

  update(view) {
    this.view = view;
    if (!this.isBuilt) return;
    const told = view.lanes.map(
      ({ labels, curve }) =>
        `${labels}: ${curve.length} epochs, training ${percent(curve.at(-1)?.train_accuracy)}, test ${percent(curve.at(-1)?.test_accuracy)}`,
    );
    this.plot.setAttribute("aria-label", `Accuracy over epochs. ${told.join("; ")}.`);
    this.redraw();
  }

  drawing({ size, zoom, revision }) {
    const { race, lanes } = this.view;
    const longest = Math.max(...lanes.map(({ curve }) => curve.length));
    const end = Math.max(LEAST, Math.ceil((longest + 1) / 5) * 5);
    const guessing = { value: race.guessing, label: `guessing, ${percent(race.guessing, 0)}` };
    const chart = { fraction: true, series: [], reference: guessing };
    const view = { curve: [], axis: "epoch", title: "epoch", end, log: false };
    const sheet = layout(chart, { ...view, zoom, size, revision });
    const label = { bgcolor: colour("var(--surface)"), bordercolor: colour("var(--line)") };
    return [
      [...lanes.flatMap((lane) => MEASURES.map((measure) => line(lane, measure))), arrivals(lanes)],
      {
        ...sheet,
        hovermode: "x unified",
        hoverlabel: { ...label, font: { color: colour("var(--ink)"), size: 12 } },
        shapes: [...sheet.shapes, ...target(race, sheet.shapes[0])],
      },
    ];
  }
}

function line({ labels, colour: css, curve }, { field, label, dash, width }) {
  return {
    type: "scatter",
    mode: curve.length === 1 ? "markers" : "lines",
    x: curve.map(({ epoch }) => epoch),
    y: curve.map((metrics) => metrics[field]),
    line: { color: colour(css), width, dash },
    marker: { color: colour(css), size: 6 },
    hovertemplate: `${labels}, ${label.toLowerCase()}: %{y:.1%}<extra></extra>`,
  };
}

/** A mark, with the number of epochs, where a lane has fitted. */
function arrivals(lanes) {
  const arrived = lanes.filter(({ fit, epochs, curve }) => fit === "fitted" && curve[epochs - 1]);
  return {
    type: "scatter",
    mode: "markers+text",
    x: arrived.map(({ epochs }) => epochs),
    y: arrived.map(({ epochs, curve }) => curve[epochs - 1].train_accuracy),
    text: arrived.map(({ epochs }) => String(epochs)),
    textposition: "bottom center",
    textfont: { color: arrived.map((lane) => colour(lane.colour)), size: 14 },
    marker: { color: arrived.map((lane) => colour(lane.colour)), size: 9 },
    hoverinfo: "skip",
    cliponaxis: false,
  };
}

/** The level at which a lane has arrived, drawn like that of guessing. */
function target({ target_accuracy: level }, like) {
  return level === null ? [] : [{ ...like, y0: level, y1: level }];
}

function legendEntry({ label, dash, width }) {
  const stroke = svg("line", { x1: 0, x2: 22, y1: 5, y2: 5 });
  stroke.style.stroke = "var(--ink)";
  stroke.style.strokeWidth = width;
  stroke.style.strokeDasharray = dash === "solid" ? "none" : dash;
  return h(
    "li",
    {},
    svg("svg", { width: 22, height: 10, "aria-hidden": "true" }, stroke),
    h("span", {}, label),
  );
}

customElements.define("race-chart", RaceChart);
