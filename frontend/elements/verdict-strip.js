/** <verdict-strip>: the paper's claims, one sentence each, and what our runs say about them. */

import { h, reconcile, setSentence, setText } from "../app/dom.js";
import { PANELS } from "../app/catalogue.js";
import { verdictWords } from "../app/panel-words.js";
import { panelPath } from "../app/router.js";
import { stateLine } from "./state-line.js";

class VerdictStrip extends HTMLElement {
  connectedCallback() {
    if (this.list) return;
    this.list = h("ol", { class: "claims card" });
    this.append(this.list);
  }

  /** `items`: as `GET /claims` gives them; `query`: whose runs. */
  update(items, query) {
    reconcile(
      this.list,
      items.map((item) => ({ ...item, query })),
      (item) => item.panel,
      entry,
    );
  }
}

function entry() {
  const state = stateLine();
  const link = h("a", { class: "place" });
  const claim = h("p");
  const sentence = h("p", { class: "soft small" });
  const node = h("li", {}, link, h("div", {}, claim, sentence), state);
  node.update = ({ panel, verdict, status, query }) => {
    const words = verdictWords(verdict.state);
    const live = verdict.state === "incomplete" && status === "live";
    state.update(live ? { ...words, icon: "running", tone: "running" } : words);
    setText(link, PANELS[panel].short);
    link.href = panelPath(panel, query);
    link.setAttribute("aria-label", `Open ${PANELS[panel].title}`);
    setText(claim, verdict.claim);
    setSentence(sentence, verdict.sentence);
  };
  return node;
}

customElements.define("verdict-strip", VerdictStrip);
