/** A panel's traces, as the server made them, in the theme's colours; and the layout around them. */

import { colour, faint } from "./palette.js";
import { PANELS } from "./catalogue.js";
import { BEST, dashOf, PAPER } from "./panel-words.js";
import { axisStyle, rangeOf, sheet, wholeTicks } from "./plot-layout.js";

const MARKS_SHOWN = 9; // marks on a curve, to tell it without its colour

/** `view`: `{panel, styles, hidden, paper}`: styles by key, keys not to show, references or not. */
export function dressed(traces, view) {
  const { hidden, paper } = view;
  const wanted = ({ meta }) => !hidden.has(meta.key) && (paper || meta.source === "ours");
  return traces
    .filter(wanted)
    .map((trace) => (trace.meta.source === "ours" ? ours(trace, view) : reference(trace, view)));
}

function ours(trace, { panel, styles }) {
  const { meta } = trace;
  const style = styles.get(meta.key);
  const ink = colour(style?.colour ?? "var(--ink)");
  const line = { ...trace.line, color: ink };
  if (meta.edge) {
    return { ...trace, line, ...(trace.fill ? { fillcolor: faint(ink, 0.16) } : {}) };
  }
  const curve = PANELS[panel.name].kind === "curves";
  const plainLine = meta.kind !== "mean";
  line.dash = meta.kind === "running best" ? BEST.dash : dashOf(panel, meta.measure);
  if (meta.kind === "seed") line.width = 1;
  const marker =
    curve && !plainLine
      ? { symbol: style?.mark, size: 7, maxdisplayed: MARKS_SHOWN }
      : { ...trace.marker, size: trace.marker?.symbol?.map?.(sizeOf) ?? 8 };
  return {
    ...trace,
    line,
    mode: plainLine && trace.x.length > 1 ? "lines" : "lines+markers",
    marker: { ...marker, color: ink, opacity: 1, line: { color: ink, width: outline(marker) } },
    ...(trace.error_y ? { error_y: { ...trace.error_y, color: ink, thickness: 1.25 } } : {}),
    ...(trace.fill ? { fillcolor: faint(ink, 0.1) } : {}),
    ...said(trace),
  };
}

/** Open marks are drawn by their outline alone, and others have none. */
function outline({ symbol }) {
  const width = (name) => (String(name).endsWith("-open") ? 2 : 0);
  return Array.isArray(symbol) ? symbol.map(width) : width(symbol);
}

/** What stands for more than its value is larger: bounds, diverged, not fitted. */
function sizeOf(symbol) {
  return symbol === "arrow-up" ? 17 : symbol.startsWith("x") ? 11 : 9;
}

function reference(trace, { panel, styles }) {
  const grey = colour("var(--reference)");
  const mark = styles.get(trace.meta.key)?.mark ?? "circle";
  const lone = trace.x.length === 1;
  const many = trace.x.length > 12;
  const duplicate = (symbol) => String(symbol).endsWith("-dot");
  const symbols = [trace.marker.symbol].flat(); // one a point
  const symbol = many
    ? `${mark}-open`
    : trace.x.map((_, i) => (duplicate(symbols[i]) ? `${mark}-open-dot` : `${mark}-open`));
  const size = many ? 6 : symbols.map((name) => (lone ? 10 : duplicate(name) ? 9 : 6));
  const dash = PAPER.dotted.has(trace.meta.measure) ? "2px,3px" : PAPER.dash;
  return {
    ...trace,
    mode: lone ? "markers" : "lines+markers",
    line: { ...trace.line, color: grey, width: 1.25, dash },
    marker: { color: grey, symbol, size, maxdisplayed: many ? MARKS_SHOWN : 0 },
    ...said(trace),
  };
}

/** What is told under the pointer; the server has taken the markup out of names. */
function said({ x, customdata, meta }) {
  const told = (customdata ?? x.map(() => [null, "value"])).map(([n, flag]) =>
    [n ? `n = ${n}` : "", flag === "value" ? "" : `<b>${flag}</b>`].filter(Boolean).join(", "),
  );
  const seeds = meta.source === "ours" ? "<br>%{text}" : "";
  return {
    text: told,
    hoverinfo: undefined,
    hovertemplate: `%{fullData.name}<br><b>%{y}</b> at %{x}${seeds}<extra></extra>`,
  };
}

/** `view`: also `{log, logX, zoom: {x, y}, size: {width, height}, revision}`. */
export function panelLayout(panel, view) {
  const soft = colour("var(--soft)");
  const axis = axisStyle();
  const { log, logX, zoom, revision, size } = view;
  const points = PANELS[panel.name].kind === "points";
  const { x_axis: x, y_axis: y } = panel;
  return {
    ...sheet(size),
    margin: { l: 58, r: 18, t: 12, b: 46 },
    hovermode: "closest",
    hoverlabel: {
      bgcolor: colour("var(--surface)"),
      bordercolor: colour("var(--edge)"),
      font: { color: colour("var(--ink)"), size: 12.5 },
      align: "left",
    },
    datarevision: revision,
    xaxis: {
      ...axis,
      title: { text: titleOf(x), font: { color: soft, size: 12.5 }, standoff: 8 },
      showgrid: false,
      showline: true,
      type: logX ? "log" : "linear",
      hoverformat: points ? ".1f" : ",.0f",
      rangemode: "tozero",
      ...(points
        ? { range: [-0.03, 1.03], autorange: false, dtick: zoom.x ? undefined : size.width < 520 ? 0.2 : 0.1 }
        : { autorange: true, dtick: ticksOf(x, logX, shown(panel, zoom)) }),
      ...rangeOf(zoom.x, {}),
    },
    yaxis: {
      ...axis,
      title: { text: titleOf(y), font: { color: soft, size: 12.5 }, standoff: 8 },
      type: log ? "log" : "linear",
      autorange: true,
      automargin: y.unit !== "fraction",
      rangemode: "tozero",
      hoverformat: y.unit === "fraction" ? ".1%" : ".4~g",
      ...(y.unit === "fraction"
        ? { tickformat: ".0%", ...(log ? {} : { range: [0, 1.02], autorange: false, dtick: zoom.y ? undefined : 0.2 }) }
        : {}),
      ...rangeOf(zoom.y, {}),
    },
  };
}

/** Whole steps and epochs: none between two where they are few. */
function ticksOf({ unit }, log, count) {
  if (unit === "seconds") return undefined;
  return log ? (count <= 12 ? "D1" : undefined) : wholeTicks(count);
}

/** How many steps or epochs the horizontal axis shows. */
function shown({ series, references }, { x }) {
  if (x) return x[1] - x[0];
  return [...series, ...references].reduce((most, one) => Math.max(most, one.x.at(-1) ?? 0), 0);
}

function titleOf({ title, unit }) {
  return unit === "nats" || unit === "seconds" ? `${title} (${unit})` : title;
}
