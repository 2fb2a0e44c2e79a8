/** <live-dot>: whether the page is live, and how old what it shows is. */

import { h, setText } from "../app/dom.js";
import { duration } from "../app/format.js";
import { store } from "../app/store.js";
import { LiveElement } from "./live-element.js";

const WORDS = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
  offline: "Offline",
  silent: "No news",
};
const EXPLANATIONS = {
  connecting: "The page is connecting to the server.",
  live: "Changes appear as they happen.",
  reconnecting: "The connection was lost. Trying again; nothing that happens meanwhile is missed.",
  offline: "The server does not answer. Is it still running? The page keeps trying.",
  silent: "The server sends nothing, though it accepts connections. The page keeps trying.",
};

class LiveDot extends LiveElement {
  build() {
    this.dot = h("span", { class: "dot", "aria-hidden": "true" });
    this.word = h("span", { class: "word" });
    this.explanation = h("p");
    this.age = h("p", { class: "soft" });
    this.append(
      h(
        "details",
        { class: "pop" },
        h("summary", {}, this.dot, this.word),
        h("div", {}, this.explanation, this.age),
      ),
    );
  }

  start() {
    this.watch(["connection"], () => this.show());
    this.every(1000, () => this.show());
    this.show();
  }

  show() {
    const { status, heardAt } = store.connection;
    this.dot.className = `dot ${status}`;
    this.dataset.status = status;
    const age = heardAt === null ? "" : duration(Math.max(0, Date.now() - heardAt) / 1000);
    const since = { reconnecting: ` · ${age} ago`, offline: ` · ${age} ago`, silent: ` for ${age}` };
    setText(this.word, WORDS[status] + ((age && since[status]) || ""));
    setText(this.explanation, EXPLANATIONS[status]);
    setText(this.age, age ? `Last news: ${age} ago.` : "No news yet.");
  }
}

customElements.define("live-dot", LiveDot);
