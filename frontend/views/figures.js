/** <figures-view>: the paper's claims and figures as our runs have them, and how to run the rest. */

import { api, Problem } from "../app/api.js";
import { debounce, h, setSentence } from "../app/dom.js";
import { LiveFetch } from "../app/live-fetch.js";
import { isOffered, PANELS, panelsBeyond, panelsOfThePaper, STUDIES } from "../app/catalogue.js";
import { rememberQuery } from "../app/router.js";
import { rememberSelection, selectionFrom } from "../app/selection.js";
import { LiveElement } from "../elements/live-element.js";
import "../elements/panel-card.js";
import "../elements/run-study.js";
import "../elements/selection-bar.js";
import "../elements/study-list.js";
import "../elements/verdict-strip.js";

/** Milliseconds between two fetches of a preview. All curves of all runs are many. */
const PACE = { everything: 20_000, others: 2000 };

class FiguresView extends LiveElement {
  build() {
    document.title = "Figures · Rethink";
    this.selection = selectionFrom(this.query);
    this.plans = new Map();
    this.choice = h("selection-bar");
    this.choice.selection = this.selection;
    this.strip = h("verdict-strip");
    this.everything = h("run-study", { main: true });
    this.studies = h("study-list");
    this.wrong = h("p", { class: "notice bad", role: "alert", hidden: true });
    this.cards = new Map([...panelsOfThePaper(), ...panelsBeyond()].map((name) => [name, h("panel-card")]));
    const cards = (names) =>
      h(
        "div",
        { class: "panel-cards" },
        names.map((n) => this.cards.get(n)),
      );
    this.append(
      h(
        "div",
        { class: "figures-head" },
        h("h1", {}, "Figures"),
        h(
          "p",
          { class: "soft" },
          "Zhang et al., ",
          h("cite", {}, "Understanding deep learning requires rethinking generalization"),
          ", figure by figure, from the runs on this server.",
        ),
      ),
      h("div", { class: "choice-line" }, this.choice, this.everything),
      this.wrong,
      this.studies,
      h("section", { "aria-label": "Claims of the paper" }, h("h2", {}, "Claims"), this.strip),
      h(
        "section",
        { "aria-label": "Figures of the paper" },
        h("h2", {}, "Figures"),
        cards(panelsOfThePaper()),
      ),
      h(
        "section",
        { "aria-label": "Beyond the paper" },
        h("h2", {}, "Beyond the paper, from the same runs"),
        cards(panelsBeyond()),
      ),
    );
  }

  start() {
    this.claims = new LiveFetch((signal) => this.loadClaims(signal));
    this.sources = new Map(
      [...this.cards.keys()].map((name) => [
        name,
        new LiveFetch((signal) => this.loadPanel(name, signal), PACE[PANELS[name].study] ?? PACE.others),
      ]),
    );
    this.onEnd(() => [this.claims, ...this.sources.values()].forEach((source) => source.end()));
    const plans = debounce(() => this.loadPlans(), 4000, 30_000);
    this.onEnd(plans.cancel);
    this.watch(["runs", "resync", "workers"], plans);
    this.listen(this.choice, "select", ({ detail }) => this.select(detail));
    this.listen(this, "launched", () => {
      this.reload();
      this.studies.refresh({ focus: true }); // the button that was pressed goes away
    });
    this.arrive(...this.reload());
  }

  stop() {
    this.planning?.abort();
  }

  select(selection) {
    this.selection = selection;
    rememberSelection(selection);
    rememberQuery(Object.entries(selection));
    this.plans.clear();
    this.reload();
  }

  /** Fetch all anew; returns what tells that it is there, but for the plans. */
  reload() {
    const sources = [this.claims, ...this.sources.values()].map((source) => source.now());
    this.showPlans();
    this.loadPlans();
    return [this.studies.refresh(), ...sources];
  }

  async loadPanel(name, signal) {
    try {
      const panel = await api.panel(name, this.selection, signal);
      this.wrong.hidden = true;
      this.sources.get(name).follow(panel.provenance.runs.map(({ id }) => id));
      this.cards.get(name).update(panel, this.selection);
    } catch (error) {
      this.complain(error);
    }
  }

  async loadClaims(signal) {
    try {
      const { items } = await api.claims(this.selection, signal);
      this.strip.update(items, this.selection);
    } catch (error) {
      this.complain(error);
    }
  }

  /** Plans one after the other: they are worked out on the server, and nobody waits for all. */
  async loadPlans() {
    this.planning?.abort();
    const { signal } = (this.planning = new AbortController());
    const selection = this.selection;
    try {
      for (const study of Object.keys(STUDIES).filter((name) => isOffered(name, selection))) {
        this.plans.set(study, await api.plan({ study, ...selection }, signal));
        this.showPlans();
      }
    } catch (error) {
      this.complain(error);
    }
  }

  showPlans() {
    const { plans, selection } = this;
    this.everything.update("everything", plans.get("everything") ?? null, selection);
    for (const name of panelsOfThePaper()) {
      const { study } = PANELS[name];
      this.cards.get(name).updatePlan(study, plans.get(study) ?? null, selection);
    }
  }

  complain(error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Problem)) throw error;
    if (error.status === 0 || error.status === 401 || !this.isConnected) return; // told elsewhere
    this.wrong.hidden = false;
    setSentence(this.wrong, error.message);
  }
}

customElements.define("figures-view", FiguresView);
