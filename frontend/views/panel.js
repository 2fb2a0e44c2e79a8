/** <panel-view>: one figure or table, large and live, with all that it rests on. */

import { api, Problem } from "../app/api.js";
import { debounce, h, setAttribute, setSentence, setText } from "../app/dom.js";
import { isForPage } from "../app/keyboard.js";
import { LiveFetch } from "../app/live-fetch.js";
import { asked, askedOfFiles, noted, optionsFrom } from "../app/panel-options.js";
import { isOffered, PANELS, panelsBeyond, panelsOfThePaper } from "../app/catalogue.js";
import { numberOf, statusWords } from "../app/panel-words.js";
import { panelPath, rememberQuery } from "../app/router.js";
import { rememberSelection, selectionFrom } from "../app/selection.js";
import "../elements/accuracy-table.js";
import { figureDownloads } from "../elements/figure-downloads.js";
import { LiveElement } from "../elements/live-element.js";
import "../elements/panel-chart.js";
import "../elements/panel-controls.js";
import "../elements/panel-provenance.js";
import "../elements/panel-verdict.js";
import "../elements/run-study.js";
import "../elements/selection-bar.js";
import "../elements/study-list.js";
import { stateLine } from "../elements/state-line.js";

class PanelView extends LiveElement {
  build() {
    const { panelName: name, query } = this;
    if (!(name in PANELS)) {
      this.replaceChildren(h("lost-view"));
      return;
    }
    this.selection = selectionFrom(query);
    this.study = query.get("study");
    this.options = optionsFrom(query, name);
    this.choice = h("selection-bar");
    this.choice.selection = this.selection;
    this.choice.hidden = this.study !== null;
    this.controls = h("panel-controls", { class: "panel-controls" });
    Object.assign(this.controls, { name, options: this.options, ofStudy: this.study !== null });
    this.heading = h("h1", { tabindex: "-1" });
    this.status = stateLine();
    this.claim = h("p", { class: "claim soft" });
    this.runButton = h("run-study", { main: true });
    this.shownRuns = new Set();
    this.studies = h("study-list");
    this.studies.wanted = (study) => this.concerns(study);
    this.chart = h(PANELS[name].kind === "rows" ? "accuracy-table" : "panel-chart", {
      class: "card panel-figure",
    });
    this.verdict = h("panel-verdict", { class: "card" });
    this.provenance = h("panel-provenance", { class: "card" });
    this.downloads = figureDownloads();
    this.wrong = h("p", { class: "notice bad", role: "alert", hidden: true });
    this.tabs = [...panelsOfThePaper(), ...panelsBeyond()].map((other) =>
      h(
        "a",
        { "data-panel": other, "aria-current": other === name ? "page" : null },
        PANELS[other].short,
      ),
    );
    this.body = h(
      "article",
      { class: "panel", hidden: true },
      h(
        "header",
        { class: "panel-head" },
        h("div", { class: "title-line" }, this.heading, this.status),
        this.claim,
      ),
      h("div", { class: "choice-line" }, this.choice, this.runButton),
      this.studies,
      h(
        "div",
        { class: "chart-bar" },
        this.controls,
        this.downloads,
      ),
      this.chart,
      h("div", { class: "facts" }, this.verdict, this.provenance),
    );
    this.append(
      h("nav", { class: "panel-tabs", "aria-label": "Figures" }, this.tabs),
      this.wrong,
      this.body,
    );
    this.runButton.hidden = true;
  }

  start() {
    if (!this.chart) return;
    this.source = new LiveFetch((signal) => this.load(signal));
    this.onEnd(() => this.source.end());
    const plan = debounce(() => this.loadPlan(), 4000, 30_000);
    this.onEnd(plan.cancel);
    this.watch(["runs", "resync"], plan);
    this.listen(this.choice, "select", ({ detail }) => this.select(detail));
    this.listen(this.controls, "options", ({ detail }) => this.choose(detail));
    this.listen(this, "launched", () => {
      this.reload();
      this.heading.focus(); // the button that was pressed goes away
    });
    this.listen(document, "keydown", (event) => {
      const option = { l: "log", p: "paper" }[event.key];
      if (option && isForPage(event)) this.controls.flip(option);
    });
    this.reload();
  }

  stop() {
    this.planning?.abort();
  }

  /** What the server is asked for. */
  get asked() {
    return { ...this.whose, ...asked(this.options) };
  }

  get whose() {
    return this.study === null ? this.selection : { study: this.study };
  }

  /** What would make the panel's runs: by its criterion, if another than the usual was chosen. */
  get request() {
    const { criterion } = this.options;
    return PANELS[this.panelName].fits && criterion ? { ...this.selection, criterion } : this.selection;
  }

  /** Whether a study makes runs of what is shown. */
  concerns({ id, run_ids: ids }) {
    return id === this.study || ids.some((run) => this.shownRuns.has(run));
  }

  reload() {
    this.source.now();
    this.studies.source?.now();
    this.loadPlan();
  }

  async load(signal) {
    const { panelName: name, asked } = this;
    try {
      const [panel, figure] = await Promise.all([
        api.panel(name, asked, signal),
        PANELS[name].kind === "rows" ? null : api.plotly(name, asked, signal),
        this.studies.loaded, // it would push the chart down
      ]);
      this.wrong.hidden = true;
      this.shownRuns = new Set(panel.provenance.runs.map(({ id }) => id));
      this.source.follow([...this.shownRuns]);
      this.studies.show();
      this.panel = panel;
      this.figure = figure;
      this.show();
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof Problem)) throw error;
      if (error.status === 0 || error.status === 401) return; // told elsewhere
      this.wrong.hidden = false;
      setSentence(this.wrong, error.message);
    }
  }

  async loadPlan() {
    if (this.study !== null || !panelsOfThePaper().includes(this.panelName)) return;
    this.planning?.abort();
    const { signal } = (this.planning = new AbortController());
    const { study } = PANELS[this.panelName];
    if (!isOffered(study, this.selection)) {
      this.runButton.hidden = true;
      return;
    }
    try {
      this.plan = await api.plan({ study, ...this.request }, signal);
      this.showPlan();
    } catch (error) {
      if (error.name !== "AbortError" && !(error instanceof Problem)) throw error;
    }
  }

  show() {
    const { panel, figure, options } = this;
    document.title = `${numberOf(panel.title) || PANELS[panel.name].short} · ${panel.status_text} · Rethink`;
    this.body.hidden = false;
    setText(this.heading, panel.title);
    this.status.update(statusWords(panel));
    setText(this.claim, panel.verdict.claim);
    const { log, logX, paper } = options;
    if (PANELS[panel.name].kind === "rows") this.chart.update(panel, paper);
    else this.chart.update({ panel, figure, log, logX, paper });
    this.verdict.update(panel);
    this.verdict.hidden = panel.verdict.state === "none";
    this.provenance.update(panel);
    this.controls.update(panel);
    this.downloads.update(panel.name, { ...this.whose, ...askedOfFiles(options) });
    for (const tab of this.tabs) {
      setAttribute(tab, "href", panelPath(tab.dataset.panel, this.whose));
    }
    this.showPlan();
  }

  showPlan() {
    if (!this.plan || !this.panel) return;
    const { study } = PANELS[this.panelName];
    this.runButton.update(study, this.plan, this.request);
    const { missing, failed, short } = this.panel.counts;
    if (missing + failed + short === 0) this.runButton.hidden = true;
  }

  select(selection) {
    this.selection = selection;
    this.plan = null;
    rememberSelection(selection);
    this.remember();
    this.reload();
  }

  choose(options) {
    const before = JSON.stringify(this.asked);
    const { criterion } = this.options;
    this.options = options;
    this.remember();
    if (options.criterion !== criterion) {
      this.plan = null;
      this.reload();
    } else if (JSON.stringify(this.asked) !== before) this.source.now();
    else if (this.panel) this.show();
  }

  /** Keep in the address what is not as at first. */
  remember() {
    rememberQuery([...Object.entries(this.whose), ...noted(this.options)]);
  }
}

customElements.define("panel-view", PanelView);
