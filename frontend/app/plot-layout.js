/** Plotly's traces and layout from a chart's description, in the colours of the theme in force. */

import { colour } from "./palette.js";

export const CONFIG = {
  displayModeBar: false,
  displaylogo: false,
  doubleClick: false, // the chart resets the zoom itself
  showTips: false,
};

/** One line a series. Plotly draws what is not finite as a gap. */
export function traces(chart, curve, x) {
  return chart.series.map((series) => ({
    type: "scatter",
    mode: curve.length === 1 ? "markers" : "lines",
    name: series.label,
    x,
    y: curve.map((metrics) => metrics[series.field]),
    line: { color: colour(series.colour), width: series.width, dash: series.dash },
    marker: { color: colour(series.colour), size: 6 },
    hoverinfo: "none",
  }));
}

/** What every axis has in common, in the theme's colours. */
export function axisStyle() {
  const edge = colour("var(--edge)");
  return {
    gridcolor: colour("var(--grid)"),
    linecolor: edge,
    zeroline: false,
    ticks: "outside",
    ticklen: 4,
    tickcolor: edge,
    tickfont: { color: colour("var(--soft)"), size: 12 },
    showspikes: false,
  };
}

/** What every layout has in common; `size`: `{width, height}` in pixels. */
export function sheet(size) {
  return {
    width: size.width,
    height: size.height,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: {
      family: getComputedStyle(document.body).fontFamily,
      size: 12,
      color: colour("var(--ink)"),
    },
    showlegend: false,
    // Touch scrolls the page; the table below the chart has the numbers.
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
  };
}

/** An axis' range: as the user zoomed, or else what is `usual`. */
export function rangeOf(zoomed, usual) {
  return zoomed ? { range: [...zoomed], autorange: false } : usual;
}

/** The distance of ticks on an axis of whole numbers that shows so many: never part of one. */
export function wholeTicks(count) {
  return count >= 1 && count <= 12 ? 1 : undefined;
}

/** `view`: `{curve, axis, title, end, log, zoom: {x, y}, size: {width, height}, revision}`. */
export function layout(chart, view) {
  const soft = colour("var(--soft)");
  const axis = axisStyle();
  const { zoom } = view;
  const [from, to] = zoom.x ?? [0, view.end];
  return {
    ...sheet(view.size),
    margin: { l: 52, r: 58, t: 10, b: 42 },
    hovermode: "x",
    hoverdistance: -1,
    datarevision: view.revision,
    xaxis: {
      ...axis,
      title: { text: view.title, font: { color: soft, size: 12 }, standoff: 8 },
      showspikes: true,
      spikemode: "across",
      spikesnap: "hovered data",
      spikecolor: colour("var(--edge)"),
      spikethickness: 1,
      spikedash: "solid",
      ticklabeloverflow: "allow",
      showgrid: false,
      showline: true,
      rangemode: "tozero",
      dtick: view.axis === "seconds" ? undefined : wholeTicks(to - from),
      ...rangeOf(zoom.x, view.end ? { range: [0, view.end], autorange: false } : { autorange: true }),
    },
    yaxis: {
      ...axis,
      type: view.log ? "log" : "linear",
      ...(chart.fraction
        ? { range: [0, 1.02], autorange: false, tickformat: ".0%", dtick: zoom.y ? undefined : 0.2 }
        : {
            autorange: true,
            automargin: true,
            rangemode: "tozero",
            dtick: view.log ? decades(chart, view.curve) : undefined,
          }),
      ...rangeOf(zoom.y, {}),
    },
    shapes: chart.reference ? [level(chart.reference)] : [],
    annotations: chart.reference ? [levelLabel(chart.reference, view.log)] : [],
  };
}

/** Ticks at 1, 2 and 5 of each decade, or at the decades alone where there are many. */
function decades(chart, curve) {
  const values = curve.flatMap((metrics) => chart.series.map(({ field }) => metrics[field]));
  const shown = values.filter((value) => value > 0);
  return Math.max(...shown) / Math.min(...shown) > 1000 ? 1 : "D2";
}

function level({ value }) {
  const line = { color: colour("var(--reference)"), width: 1, dash: "6px,4px" };
  return {
    type: "line",
    xref: "paper",
    x0: 0,
    x1: 1,
    yref: "y",
    y0: value,
    y1: value,
    line,
    layer: "below",
  };
}

function levelLabel({ value, label }, log) {
  return {
    text: label,
    xref: "paper",
    x: 1,
    xshift: 4,
    xanchor: "left", // in the margin: curves that learn nothing lie upon the line
    align: "left",
    yref: "y",
    y: log ? Math.log10(value) : value, // annotations count in decades on a logarithmic axis
    yanchor: "middle",
    showarrow: false,
    font: { size: 11, color: colour("var(--soft)") },
  };
}
