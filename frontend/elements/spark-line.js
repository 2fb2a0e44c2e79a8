/** <spark-line>: training and test accuracy of a run in the space of a word, as inline SVG. */

import { setAttribute, svg } from "../app/dom.js";
import { randomizationColour } from "../app/palette.js";

const WIDTH = 160;
const HEIGHT = 40;
const POINTS = 80;

class SparkLine extends HTMLElement {
  connectedCallback() {
    if (this.train) return;
    const line = { "stroke-width": 1.5, "vector-effect": "non-scaling-stroke" };
    this.test = svg("polyline", { ...line, "stroke-dasharray": "3 2.5" });
    this.train = svg("polyline", line);
    const axis = svg("path", { d: `M0 ${HEIGHT - 0.5}H${WIDTH}`, class: "axis" });
    this.append(
      svg(
        "svg",
        { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
        axis,
        this.test,
        this.train,
      ),
    );
  }

  /** `curve`: epochs from the first on; the width stands for all epochs asked for. */
  update(run, curve) {
    this.style.color = randomizationColour(run.spec);
    const stride = Math.max(1, Math.ceil(curve.length / POINTS));
    if (curve.length === 1) curve = [curve[0], curve[0]]; // a dot
    const shown = curve.filter((_, i) => i % stride === 0 || i === curve.length - 1);
    const points = (field) =>
      shown.map((metrics) => {
        const x = (WIDTH * metrics.epoch) / Math.max(run.epochs, curve.length);
        return `${x.toFixed(1)},${(1 + (HEIGHT - 2) * (1 - metrics[field])).toFixed(1)}`;
      });
    setAttribute(this.train, "points", points("train_accuracy").join(" "));
    setAttribute(this.test, "points", points("test_accuracy").join(" "));
  }
}

customElements.define("spark-line", SparkLine);
