/** <help-dialog>: the keys. */

import { h } from "../app/dom.js";
import { KEYS } from "../app/keyboard.js";

class HelpDialog extends HTMLElement {
  open() {
    this.dialog ??= this.build();
    if (!this.dialog.open) this.dialog.showModal();
  }

  build() {
    const rows = KEYS.map(([keys, what]) => [h("dt", { class: "mono" }, keys), h("dd", {}, what)]);
    const dialog = h(
      "dialog",
      { "aria-labelledby": "help-heading" },
      h("h2", { id: "help-heading" }, "Keyboard shortcuts"),
      h("dl", {}, rows),
      h("form", { method: "dialog", class: "actions" }, h("button", { class: "button" }, "Close")),
    );
    this.append(dialog);
    return dialog;
  }
}

customElements.define("help-dialog", HelpDialog);
