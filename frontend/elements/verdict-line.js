/** <verdict-line>: how far the paper's figures are, in one line; hidden while none has begun. */

import { api, Problem } from "../app/api.js";
import { h, reconcile, setText } from "../app/dom.js";
import { plural } from "../app/format.js";
import { LiveFetch } from "../app/live-fetch.js";
import { PANELS } from "../app/catalogue.js";
import { verdictWords } from "../app/panel-words.js";
import { panelPath } from "../app/router.js";
import { selectionFrom, selectionWords } from "../app/selection.js";
import { LiveElement } from "./live-element.js";
import { stateLine } from "./state-line.js";

/** What is said of a figure that is not judged, being at a reduced scale. */
const PROGRESS = {
  empty: { icon: "queued", tone: "", word: "No runs yet" },
  live: { icon: "running", tone: "running", word: "Live" },
  partial: { icon: "partial", tone: "", word: "Partial" },
  complete: { icon: "succeeded", tone: "succeeded", word: "Complete" },
};

class VerdictLine extends LiveElement {
  build() {
    this.list = h("ul", { class: "verdict-line" });
    this.scale = h("a", { class: "soft small" });
    this.append(h("div", { class: "section-head" }, h("h2", {}, "Figures"), this.scale), this.list);
    this.hidden = true;
  }

  start() {
    this.selection = selectionFrom(new URLSearchParams());
    this.source = new LiveFetch((signal) => this.load(signal));
    this.onEnd(() => this.source.end());
    this.loaded = this.source.now();
  }

  async load(signal) {
    try {
      const { items } = await api.claims(this.selection, signal);
      this.show(items);
    } catch (error) {
      if (!(error instanceof Problem)) throw error; // the dot on top tells that nothing answers
    }
  }

  show(items) {
    this.hidden = items.every(({ status }) => status === "empty");
    setText(this.scale, selectionWords(this.selection));
    this.scale.href = `#/figures?${new URLSearchParams(this.selection)}`;
    reconcile(
      this.list,
      items.map((item) => ({ ...item, query: this.selection })),
      ({ panel }) => panel,
      entry,
    );
  }
}

function entry() {
  const name = h("strong");
  const state = stateLine();
  const runs = h("span", { class: "soft small" });
  const link = h("a", { class: "card" }, name, state, runs);
  const node = h("li", {}, link);
  node.update = ({ panel, verdict, counts, status, query }) => {
    const judged = verdict.state !== "not comparable";
    const words = judged ? verdictWords(verdict.state) : PROGRESS[status];
    setText(name, PANELS[panel].short);
    state.update(status === "live" ? PROGRESS.live : words);
    const { complete, planned } = counts;
    setText(runs, planned ? `${complete} of ${plural(planned, "run")}` : "not at this scale");
    link.href = panelPath(panel, query);
  };
  return node;
}

customElements.define("verdict-line", VerdictLine);
