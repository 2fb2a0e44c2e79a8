/**
 * <panel-chart>: a panel as a large live chart, with its legend, what has to be said about it, and
 * the same as a table. `update({panel, figure, log, logX, paper})`; draws itself when it is seen.
 */

import { h, setText, withCode } from "../app/dom.js";
import { dressed, panelLayout } from "../app/panel-plot.js";
import { stylesOf } from "../app/panel-style.js";
import { PANELS } from "../app/catalogue.js";
import { SPREADS, unbroken } from "../app/panel-words.js";
import { LiveChart } from "./live-chart.js";
import "./panel-legend.js";
import "./panel-table.js";

class PanelChart extends LiveChart {
  build() {
    this.hidden_ = new Set();
    this.heading = h("h2", { id: "panel-chart", class: "unseen" });
    this.spread = h("span", { class: "soft small" });
    this.legend = h("panel-legend");
    this.plot.classList.add("tall");
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
    super.start();
    this.listen(this.legend, "toggle-condition", ({ detail: key }) => {
      if (!this.hidden_.delete(key)) this.hidden_.add(key);
      this.update(this.view);
      this.redraw({ soon: true });
    });
  }

  update(view) {
    const meaning = (log, axis) => `${log} ${axis?.title} ${axis?.unit}`;
    const { log, logX, paper, panel: before } = this.view ?? {};
    const turnedX = meaning(logX, before?.x_axis) !== meaning(view.logX, view.panel.x_axis);
    const turnedY = meaning(log, before?.y_axis) !== meaning(view.log, view.panel.y_axis);
    if (turnedX) this.unzoom("x");
    if (turnedY) this.unzoom("y");
    const soon = turnedX || turnedY || paper !== view.paper;
    this.view = view;
    if (!this.isBuilt) return;
    const { panel } = view;
    this.styles = stylesOf(panel);
    setText(this.heading, panel.title);
    setText(this.spread, spreadWords(panel));
    this.legend.update(panel, this.styles, this.hidden_);
    setText(this.criterion, panel.criterion ? unbroken(`Fitted means: ${panel.criterion}.`) : "");
    say(this.notes, notesOf(panel));
    say(this.deviations, panel.deviations);
    this.deviationsTitle.hidden = !panel.deviations.length;
    this.table.update(panel, view.paper);
    this.plot.setAttribute("aria-label", `${panel.title}. ${panel.status_text}. ${said(panel)}`);
    this.redraw({ soon });
  }

  drawing({ size, zoom, revision }) {
    const { panel, figure, log, logX, paper } = this.view;
    const { styles, hidden_: hidden } = this;
    return [
      dressed(figure.data, { panel, styles, hidden, paper }),
      panelLayout(panel, { log, logX, zoom, size, revision }),
    ];
  }
}

/** What the bands are, and of how many seeds. */
function spreadWords({ name, series }) {
  const with_ = series.filter(({ spread, n }) => spread !== "none" && n.length);
  const seeds = series.filter(({ kind }) => kind === "mean").flatMap(({ n }) => n);
  const [least, most] = [Math.min(...seeds), Math.max(0, ...seeds)];
  if (!with_.length) return most === 1 && !PANELS[name].takes_runs ? "One seed, n = 1: no spread is known." : "";
  const area = PANELS[name].kind === "points" ? "Bars" : "Bands";
  const n = least === most ? most : `${least}–${most}`;
  return `Mean of n = ${n} seeds. ${area}: ${SPREADS[with_[0].spread]}.`;
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
  list.replaceChildren(...texts.map((text) => h("li", {}, withCode(text))));
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
