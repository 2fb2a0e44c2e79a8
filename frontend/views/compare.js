/** <compare-view>: several runs beside each other: their curves in one chart, and what differs. */

import { comparison } from "../app/catalogue.js";
import { api, Problem } from "../app/api.js";
import { h, setSentence, setText } from "../app/dom.js";
import { loadRun } from "../app/feed.js";
import { isForPage } from "../app/keyboard.js";
import { LiveFetch } from "../app/live-fetch.js";
import { asked, askedOfFiles, noted, optionsFrom } from "../app/panel-options.js";
import { MOST_PICKED, picked } from "../app/picked.js";
import { comparePath, rememberQuery } from "../app/router.js";
import { epochWords, runTitle, standing } from "../app/words.js";
import "../elements/compare-table.js";
import { figureDownloads } from "../elements/figure-downloads.js";
import { LiveElement } from "../elements/live-element.js";
import "../elements/panel-chart.js";
import "../elements/panel-controls.js";
import { segments } from "../elements/segments.js";

const MEASURES = { accuracy: "Accuracy", loss: "Loss" };
const OFFERED = 6;
const NO_RUNS = () =>
  h("li", {}, "There are no other runs yet: ", h("a", { href: "#/launch" }, "launch one"), ".");

class CompareView extends LiveElement {
  build() {
    const { query } = this;
    this.ids = [...new Set(query.getAll("run"))].slice(0, MOST_PICKED);
    this.options = optionsFrom(query, comparison());
    this.measure = query.get("measure") in MEASURES ? query.get("measure") : "accuracy";
    this.heading = h("h1", { tabindex: "-1" });
    this.recent = h("ul", { class: "said" });
    this.empty = h(
      "section",
      { class: "card compare-with" },
      h("h2", {}, this.ids.length ? "Compare with" : "Begin with"),
      this.recent,
      h(
        "p",
        { class: "soft small" },
        "Select runs in the list on the ",
        h("a", { href: "#/" }, "overview"),
        ` with their boxes or the key x, then press Compare at the bottom of the window: up to ${MOST_PICKED}.`,
      ),
    );
    this.wrong = h("p", { class: "notice bad", role: "alert", hidden: true });
    this.controls = h("panel-controls", { class: "panel-controls" });
    Object.assign(this.controls, { name: comparison(), options: this.options });
    this.choice = segments({
      legend: "Measure",
      name: "measure",
      options: MEASURES,
      value: this.measure,
      onChoose: (measure) => this.change({ measure }),
    });
    this.downloads = figureDownloads();
    this.chart = h("panel-chart", { class: "card panel-figure" });
    this.table = h("compare-table", { class: "card" });
    this.body = h(
      "article",
      { class: "panel", hidden: true },
      h(
        "div",
        { class: "chart-bar" },
        h("div", { class: "panel-controls" }, this.choice, this.controls),
        this.downloads,
      ),
      this.chart,
      this.table,
    );
    this.append(this.heading, this.empty, this.wrong, this.body);
  }

  start() {
    this.source = new LiveFetch((signal) => this.load(signal));
    this.watch(["resync"], () => this.ids.length < 2 && this.offer());
    this.onEnd(() => this.source.end());
    this.listen(this.controls, "options", ({ detail }) => this.change({ options: detail }));
    this.listen(this.table, "remove", ({ detail: id }) => {
      picked.delete(id);
      this.change({ ids: this.ids.filter((other) => other !== id) });
      this.heading.focus(); // the button that was pressed goes away
    });
    this.listen(document, "keydown", (event) => {
      if (event.key === "l" && isForPage(event)) this.controls.flip("log");
    });
    this.change({});
  }

  /** What the server is asked for; `chosen`: the part that the options make. */
  requested(chosen) {
    return [
      ...this.ids.map((id) => ["run", id]),
      ["measure", this.measure],
      ...Object.entries(chosen),
    ];
  }

  change(change) {
    Object.assign(this, change);
    rememberQuery([
      ...this.ids.map((id) => ["run", id]),
      ["measure", this.measure === "accuracy" ? "" : this.measure],
      ...noted(this.options),
    ]);
    const n = this.ids.length;
    setText(this.heading, n ? `Compare ${n} run${n === 1 ? "" : "s"}` : "Compare runs");
    document.title = `${this.heading.textContent} · Rethink`;
    this.empty.hidden = n > 1;
    if (n < 2) this.offer();
    if (n) this.source.now();
    else this.body.hidden = true;
  }

  /** The newest runs, each as a link that adds it. */
  async offer() {
    const { items } = await api.runs({ limit: OFFERED }).catch(() => ({ items: [] }));
    const others = items.filter(({ id }) => !this.ids.includes(id));
    const entry = (run) => {
      const link = h("a", { href: comparePath([...this.ids, run.id]) }, runTitle(run));
      return h("li", {}, link, ` · ${standing(run).word.toLowerCase()}, ${epochWords(run)}`);
    };
    this.recent.replaceChildren(...(others.length ? others.map(entry) : [NO_RUNS()]));
  }

  async load(signal) {
    if (!this.ids.length) return;
    const query = this.requested(asked(this.options));
    try {
      const [panel, figure, ...runs] = await Promise.all([
        api.panel(comparison(), query, signal),
        api.plotly(comparison(), query, signal),
        ...this.ids.map(loadRun),
      ]);
      this.wrong.hidden = true;
      this.body.hidden = false;
      this.source.follow(runs.map(({ id }) => id));
      const { log, logX } = this.options;
      this.chart.update({ panel, figure, log, logX, paper: false });
      this.table.update(runs, panel);
      this.controls.update(panel);
      this.downloads.update(comparison(), this.requested(askedOfFiles(this.options)));
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof Problem)) throw error;
      if (error.status === 0 || error.status === 401) return; // told elsewhere
      this.wrong.hidden = false;
      setSentence(this.wrong, error.message);
    }
  }
}

customElements.define("compare-view", CompareView);
