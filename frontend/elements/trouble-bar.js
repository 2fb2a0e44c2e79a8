/** <trouble-bar>: on top, in a sentence, which part of the server does not work. */

import { h, withCode } from "../app/dom.js";
import { store } from "../app/store.js";
import { LiveElement } from "./live-element.js";

const CONNECTION = {
  offline: "The server does not answer. Is it still running? What is shown may be out of date; the page keeps trying.",
  silent: "No news from the server for 30 s: what is shown may be out of date. The page keeps trying.",
};
const NO_WORKER = "No worker runs: queued runs wait. `rethink worker` starts one.";
const PATIENCE = 20_000; // one that has just been started is not there yet

class TroubleBar extends LiveElement {
  build() {
    this.setAttribute("role", "status");
    this.workedAt = Date.now();
  }

  start() {
    this.watch(["connection", "health", "heartbeats"], () => this.show());
  }

  show() {
    const text = this.trouble().join(" ");
    if (text === this.shown) return;
    this.shown = text;
    this.replaceChildren(...(text ? [h("p", { class: "trouble" }, withCode(text))] : []));
  }

  trouble() {
    const { connection, health, workers } = store;
    if (workers.some(({ state }) => state !== "lost")) this.workedAt = Date.now();
    if (connection.refusal) return [connection.refusal];
    if (connection.status in CONNECTION) return [CONNECTION[connection.status]];
    const broken = Object.values(health ?? {}).filter((check) => check?.ok === false);
    const idle = connection.status === "live" && Date.now() - this.workedAt > PATIENCE;
    return [...broken.map(({ detail }) => detail), ...(idle ? [NO_WORKER] : [])];
  }
}

customElements.define("trouble-bar", TroubleBar);
