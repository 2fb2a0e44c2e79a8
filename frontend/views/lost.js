/** <lost-view>: an address that leads nowhere; `reason`: a sentence of the server's. */

import { h, withCode } from "../app/dom.js";

class LostView extends HTMLElement {
  connectedCallback() {
    document.title = "Not found · Rethink";
    this.replaceChildren(
      h(
        "div",
        { class: "lost" },
        h("h1", {}, "There is nothing here"),
        h("p", { class: "soft", role: "alert" }, withCode(this.reason ?? "")),
        h("p", { class: "soft" }, "The address may be mistyped, or the run was deleted."),
        h("a", { class: "button", href: "#/" }, "To the overview"),
      ),
    );
  }
}

customElements.define("lost-view", LostView);
