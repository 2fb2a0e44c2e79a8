/** A question before something is done; the dialog stays open while it is done and if it fails. */

import { h, setSentence } from "../app/dom.js";

/**
 * Ask, and on yes call `act(value)`, which may throw an error with a sentence to show.
 * `input`: attributes of a text field, with its `label`; else there is none and `value` undefined.
 * `others`: other things to do, each a word and what to call.
 */
export function ask({ title, text, yes, danger = false, input = null, others = [], act }) {
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
  const style = danger ? "button danger" : "button main";
  const actions = new Map([[yes, act], ...others]);
  const buttons = [...actions.keys()].map((value) => h("button", { class: style, value }, value));
  const no = h(
    "button",
    { type: "button", class: "button", onclick: () => dialog.close() },
    danger ? "Keep it" : "Cancel",
  );
  const submit = async (event) => {
    event.preventDefault();
    for (const button of buttons) button.disabled = true;
    try {
      await actions.get(event.submitter?.value ?? yes)(field?.value.trim());
      dialog.close();
    } catch (error) {
      setSentence(wrong, error.message);
      field?.setAttribute("aria-invalid", "true");
    }
    for (const button of buttons) button.disabled = false;
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
      h("div", { class: "actions" }, no, buttons),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  if (field) field.select();
  else no.focus();
}
