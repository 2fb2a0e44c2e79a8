/**
 * <panel-chart>: a panel as a large live chart, with its legend, what has to be said about it, and
 * the same as a table. `update({panel, figure, log, logX, paper})`; draws itself when it is seen.
 */

import { h, setText } from "../app/dom.js";
import { Pace } from "../app/pacing.js";
import { onThemeChange } from "../app/palette.js";
import { dressed, panelLayout } from "../app/panel-plot.js";
import { stylesOf } from "../app/panel-style.js";
import { PANELS, SPREADS } from "../app/panel-words.js";
import { CONFIG } from "../app/plot-layout.js";
import { loadPlotly } from "../app/plotly.js";
import { LiveElement } from "./live-element.js";
import "./panel-legend.js";
import "./panel-table.js";

class PanelChart extends LiveElement {
  build() {
    this.zoom = 0;
    this.hidden_ = new Set();
    this.heading = h("h2", { id: "panel-chart", class: "unseen" });
    this.spread = h("span", { class: "soft small" });
    this.reset = h(
      "button",
      {
        type: "button",
        class: "button tight quiet",
        hidden: true,
        onclick: () => this.resetZoom(),
      },
      "Reset zoom",
    );
    this.legend = h("panel-legend");
    this.plot = h("div", { class: "plot tall", role: "img" });
    this.criterion = h("p", { class: "small" });
    this.notes = h("ul", { class: "said small" });
    this.deviations = h("ul", { class: "said small soft" });
    this.deviationsTitle = h("h3", { class: "small" }, "Differs from the paper");
    this.table = h("panel-table");
    this.append(
      h(
        "figure",
        { "aria-labelledby": "panel-chart" },
        h("div", { class: "chart-head" }, this.heading, this.spread, this.reset),
        this.legend,
        this.plot,
        h(
          "figcaption",
          {},
          this.criterion,
          this.notes,
          h("div", { class: "deviations" }, this.deviationsTitle, this.deviations),
        ),
        this.table,
      ),
    );
  }

  start() {
    this.pace = new Pace(this, () => this.draw());
    this.onEnd(() => this.pace.end());
    this.onEnd(onThemeChange(() => this.pace.request({ soon: true })));
    const resized = new ResizeObserver(() => this.pace.request({ soon: true }));
    resized.observe(this.plot);
    this.onEnd(() => resized.disconnect());
    this.listen(this.legend, "toggle-condition", ({ detail: key }) => {
      if (!this.hidden_.delete(key)) this.hidden_.add(key);
      this.update(this.view);
      this.pace.request({ soon: true });
    });
    if (this.view) this.update(this.view);
  }

  stop() {
    if (this.isDrawn) window.Plotly.purge(this.plot);
    this.isDrawn = false;
  }

  update(view) {
    const chosen = ({ log, logX, paper }) => `${log} ${logX} ${paper}`;
    const soon = !this.view || chosen(view) !== chosen(this.view);
    this.view = view;
    if (!this.isBuilt) return;
    const { panel } = view;
    this.styles = stylesOf([...panel.series, ...panel.references]);
    setText(this.heading, panel.title);
    setText(this.spread, spreadWords(panel));
    this.legend.update(panel, this.styles, this.hidden_);
    setText(this.criterion, panel.criterion ? `Fitted means: ${panel.criterion}.` : "");
    say(this.notes, notesOf(panel));
    say(this.deviations, panel.deviations);
    this.deviationsTitle.hidden = !panel.deviations.length;
    this.table.update(panel, view.paper);
    this.plot.setAttribute("aria-label", `${panel.title}. ${panel.status_text}. ${said(panel)}`);
    this.pace.request({ soon });
  }

  async draw() {
    const { panel, figure, log, logX, paper } = this.view;
    let Plotly;
    try {
      Plotly = await loadPlotly();
    } catch (error) {
      this.plot.replaceChildren(h("p", { class: "notice bad" }, error.message));
      return;
    }
    const size = { width: this.plot.clientWidth, height: this.plot.clientHeight };
    if (!this.isConnected || !size.width) return;
    this.revision = (this.revision ?? 0) + 1;
    const { zoom, revision, styles, hidden_: hidden } = this;
    await Plotly.react(
      this.plot,
      dressed(figure.data, { panel, styles, hidden, paper }),
      panelLayout(panel, { log, logX, zoom, size, revision }),
      CONFIG,
    );
    if (!this.isDrawn) this.listenToPlot();
    this.isDrawn = true;
  }

  listenToPlot() {
    this.plot.on("plotly_relayout", (change) => {
      if ("xaxis.range[0]" in change || "yaxis.range[0]" in change) this.reset.hidden = false;
      if (change["xaxis.autorange"] || "xaxis.range" in change) this.reset.hidden = true;
    });
    this.plot.on("plotly_doubleclick", () => this.resetZoom());
  }

  resetZoom() {
    this.zoom += 1; // another uirevision makes Plotly forget what the user did
    this.reset.hidden = true;
    this.pace.request({ soon: true });
  }
}

/** What the bands are, and of how many seeds. */
function spreadWords({ name, series }) {
  const with_ = series.filter(({ spread, n }) => spread !== "none" && n.length);
  const most = Math.max(0, ...series.flatMap(({ n }) => n));
  if (!with_.length) return most === 1 ? "One seed, n = 1: no spread is known." : "";
  const area = PANELS[name].kind === "points" ? "Bars" : "Bands";
  return `Mean of n = ${most} seeds. ${area}: ${SPREADS[with_[0].spread]}.`;
}

function notesOf({ notes, series }) {
  const told = series
    .filter(({ note, kind, state }) => note && kind === "mean" && state !== "missing")
    .map(({ label, note }) => `${label}: ${note}.`);
  return [...notes, ...new Set(told)];
}

function say(list, texts) {
  const key = texts.join("\n");
  list.hidden = !texts.length;
  if (list.dataset.shown === key) return;
  list.dataset.shown = key;
  list.replaceChildren(...texts.map((text) => h("li", {}, text)));
}

/** The newest value of each curve, for those who do not see it. */
function said({ series, y_axis: y }) {
  const ends = series.filter((one) => one.kind === "mean" && one.y.length);
  const unit = y.unit === "fraction" ? " of 1" : "";
  return ends
    .slice(0, 12)
    .map((one) => `${one.label}: ${Number(one.y.at(-1).toPrecision(3))}${unit}`)
    .join("; ");
}

customElements.define("panel-chart", PanelChart);
