/** <page-menu>: theme, help, API description, sign out. */

import { api } from "../app/api.js";
import { h } from "../app/dom.js";
import { icon } from "../app/icons.js";
import { LiveElement } from "./live-element.js";

const KEY = "rethink-theme";
const THEMES = { "": "System", light: "Light", dark: "Dark" };

class PageMenu extends LiveElement {
  build() {
    const chosen = document.documentElement.dataset.theme ?? "";
    const themes = Object.entries(THEMES).map(([value, word]) => {
      const radio = h("input", {
        type: "radio",
        name: "theme",
        class: "unseen",
        value,
        checked: value === chosen,
        onchange: () => choose(value),
      });
      return h("label", {}, radio, h("span", {}, word));
    });
    const help = () => {
      this.pop.open = false;
      document.querySelector("help-dialog").open();
    };
    const signOut = async () => {
      this.pop.open = false;
      await api.signOut().catch(() => {});
      window.dispatchEvent(new Event("signed-out"));
    };
    this.pop = h(
      "details",
      { class: "pop" },
      h("summary", { "aria-label": "Menu" }, icon("menu", 16)),
      h(
        "div",
        { class: "menu" },
        h("fieldset", {}, h("legend", { class: "unseen" }, "Theme"), themes),
        h("button", { type: "button", onclick: help }, "Keyboard shortcuts"),
        h("button", { type: "button", class: "sign-out", onclick: signOut }, "Sign out"),
      ),
    );
    this.append(this.pop);
  }

  start() {
    // A click outside closes whichever popover of the top bar is open.
    this.listen(document, "click", (event) => {
      for (const open of document.querySelectorAll("details.pop[open]")) {
        if (!open.contains(event.target)) open.open = false;
      }
    });
  }
}

/** Follow the system for "", else hold on to light or dark, here and at the next visit. */
function choose(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  try {
    if (theme) localStorage.setItem(KEY, theme);
    else localStorage.removeItem(KEY);
  } catch {
    // Storage may be forbidden: the choice then lasts until the page is closed.
  }
}

customElements.define("page-menu", PageMenu);
