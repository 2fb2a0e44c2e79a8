/** <lost-view>: an address that leads nowhere. */

import { h } from "../app/dom.js";

class LostView extends HTMLElement {
  connectedCallback() {
    document.title = "Not found · Rethink";
    this.replaceChildren(
      h(
        "div",
        { class: "lost" },
        h("h1", {}, "There is nothing here"),
        h("p", { class: "soft" }, "The address may be mistyped, or the run was deleted."),
        h("a", { class: "button", href: "#/" }, "To the overview"),
      ),
    );
  }
}

customElements.define("lost-view", LostView);
