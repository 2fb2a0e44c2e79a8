/** A question before something is done; the dialog stays open while it is done and if it fails. */

import { h, setText } from "../app/dom.js";

/**
 * Ask, and on yes call `act(value)`, which may throw an error with a sentence to show.
 * `input`: attributes of a text field, with its `label`; else there is none and `value` undefined.
 */
export function ask({ title, text, yes, danger = false, input = null, act }) {
  const wrong = h("p", { class: "wrong", role: "alert", id: "ask-wrong" });
  const { label, ...attributes } = input ?? {};
  const field =
    input &&
    h("input", {
      type: "text",
      id: "ask-field",
      "aria-describedby": "ask-wrong",
      autocomplete: "off",
      ...attributes,
    });
  const button = h("button", { class: danger ? "button danger" : "button main" }, yes);
  const no = h(
    "button",
    { type: "button", class: "button", onclick: () => dialog.close() },
    "Cancel",
  );
  no.textContent = danger ? "Keep it" : "Cancel";
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await act(field?.value.trim());
      dialog.close();
    } catch (error) {
      setText(wrong, error.message);
      field?.setAttribute("aria-invalid", "true");
    }
    button.disabled = false;
  };
  const dialog = h(
    "dialog",
    { "aria-labelledby": "ask-title", onclose: () => dialog.remove() },
    h(
      "form",
      { onsubmit: submit },
      h("h2", { id: "ask-title" }, title),
      text && h("p", { class: "soft" }, text),
      field && h("div", { class: "field" }, h("label", { for: "ask-field" }, label), field),
      wrong,
      h("div", { class: "actions" }, no, button),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  if (field) field.select();
  else no.focus();
}
