/** <panel-preview>: a panel in small, as inline SVG: ours in colour, the references dashed and grey. */

import { h, svg } from "../app/dom.js";
import { PANELS } from "../app/catalogue.js";
import { dashOf, measured, PAPER } from "../app/panel-words.js";
import { MARK_PATHS, stylesOf } from "../app/panel-style.js";

const WIDTH = 340;
const HEIGHT = 150;
const EDGE = 7;
const POINTS = 90;

class PanelPreview extends HTMLElement {
  update(panel) {
    const view = frameOf(panel);
    const styles = stylesOf(panel);
    const { kind } = PANELS[panel.name];
    const shown = panel.series.filter((series) => series.kind === "mean" && series.x.length);
    const lines = [
      svg("path", { d: `M.5 0V${HEIGHT - 0.5}H${WIDTH}`, class: "axis" }),
      panel.references.map((series) => reference(series, view, kind)),
      shown.map((series) =>
        ours(series, view, kind, styles.get(series.key), dashOf(panel, series.measure)),
      ),
    ];
    const drawing = svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" },
      ...lines.flat(2),
    );
    const { x_axis: x, y_axis: y } = panel;
    const top =
      y.unit === "fraction" ? measured(1, "fraction").replace(".0", "") : short(view.yMax);
    const right = kind === "points" ? "1" : short(view.xMax);
    const below = kind === "rows" ? "a row of the table each" : `${x.title}, to ${right}`;
    this.replaceChildren(
      h("p", { class: "ends" }, h("span", {}, `${y.title}, to ${top}`)),
      drawing,
      h("p", { class: "ends" }, h("span", {}, below)),
    );
  }
}

function short(value) {
  return value >= 1000
    ? `${Number((value / 1000).toPrecision(2))}k`
    : String(Number(value.toPrecision(2)));
}

/** Where the axes end. */
function frameOf(panel) {
  const all = [...panel.series, ...panel.references];
  const largest = (values) => values.reduce((a, b) => Math.max(a, b), 0) || 1;
  return {
    xMax: largest(all.flatMap(({ x }) => x)),
    yMax: panel.y_axis.unit === "fraction" ? 1 : largest(all.flatMap(({ y }) => y)),
  };
}

function place({ x, y }, { xMax, yMax }, i) {
  const across = EDGE + ((WIDTH - 2 * EDGE) * x[i]) / xMax;
  const down = HEIGHT - EDGE - ((HEIGHT - 2 * EDGE) * y[i]) / yMax;
  return [across.toFixed(1), down.toFixed(1)];
}

function points(series, view) {
  const stride = Math.max(1, Math.ceil(series.x.length / POINTS));
  const chosen = series.x
    .map((_, i) => i)
    .filter((i) => i % stride === 0 || i === series.x.length - 1);
  return chosen.map((i) => place(series, view, i));
}

function reference(series, view, kind) {
  const at = points(series, view);
  if (kind === "rows" || at.length === 1)
    return at.map((point) => mark(point, "reference", "circle"));
  const dash = PAPER.dotted.has(series.measure) ? "1 3" : "5 3";
  return [svg("polyline", { points: at.join(" "), class: "reference", "stroke-dasharray": dash })];
}

function ours(series, view, kind, style, dash) {
  const at = points(series, view);
  const line = svg("polyline", {
    points: at.join(" "),
    class: "ours",
    "stroke-dasharray": dash === "solid" || kind === "rows" ? null : dash.replaceAll("px", ""),
  });
  const isBound = (i) => series.flag[i] === "lower bound";
  const marks =
    kind === "curves"
      ? at.slice(-1).map((point) => mark(point, "mark", style.mark))
      : at.map((point, i) => (isBound(i) ? arrow(point) : mark(point, "mark", style.mark)));
  const drawn = [kind === "rows" ? [] : line, marks];
  for (const node of drawn.flat()) node.style.color = style.colour;
  return drawn.flat();
}

/** A lower bound points up. */
function arrow([x, y]) {
  return svg("path", { d: `M${x} ${Number(y) - 9}l5 10h-10z`, class: "mark" });
}

function mark([x, y], className, name) {
  return svg("path", {
    d: MARK_PATHS[name],
    transform: `translate(${x - 5} ${y - 5})`,
    class: className,
  });
}

customElements.define("panel-preview", PanelPreview);
