/** <trouble-bar>: a sentence on top when a part of the server does not work. */

import { h } from "../app/dom.js";
import { store } from "../app/store.js";
import { LiveElement } from "./live-element.js";

class TroubleBar extends LiveElement {
  build() {
    this.setAttribute("role", "status");
  }

  start() {
    this.watch(["health"], () => this.show());
  }

  show() {
    const { health } = store;
    const checks = health?.status === "degraded" ? [health.database, health.broker, health.disk] : [];
    const text = checks
      .map((check) => (check.ok ? "" : check.detail))
      .join(" ")
      .trim();
    if (text === this.shown) return;
    this.shown = text;
    this.replaceChildren(...(text ? [h("p", { class: "trouble" }, text)] : []));
  }
}

customElements.define("trouble-bar", TroubleBar);
