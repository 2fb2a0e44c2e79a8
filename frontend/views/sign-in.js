/** <sign-in-view>: exchanges the token for a cookie that scripts cannot read. */

import { api } from "../app/api.js";
import { h, setSentence, withCode } from "../app/dom.js";

class SignInView extends HTMLElement {
  connectedCallback() {
    document.title = "Sign in · Rethink";
    const field = h("input", {
      type: "password",
      id: "token",
      autocomplete: "off",
      spellcheck: "false",
      required: true,
      "aria-describedby": "token-wrong",
    });
    const wrong = h("p", { class: "wrong", id: "token-wrong", role: "alert" }, withCode(this.reason ?? ""));
    const button = h("button", { class: "button main" }, "Sign in");
    const submit = async (event) => {
      event.preventDefault();
      button.disabled = true;
      try {
        await api.signIn(field.value.trim());
        this.dispatchEvent(new Event("signed-in"));
      } catch (error) {
        setSentence(wrong, error.message);
        field.setAttribute("aria-invalid", "true");
        field.select();
      }
      button.disabled = false;
    };
    this.replaceChildren(
      h(
        "form",
        { class: "card sign-in", onsubmit: submit },
        h("h1", {}, "Sign in"),
        h(
          "p",
          { class: "soft" },
          "Open the link that ",
          h("code", {}, "rethink up"),
          " printed, or paste the token here: ",
          h("code", {}, "rethink token"),
          " prints it.",
        ),
        h("div", { class: "field" }, h("label", { for: "token" }, "Token"), field, wrong),
        h("div", { class: "actions" }, button),
      ),
    );
    field.focus();
  }
}

customElements.define("sign-in-view", SignInView);
