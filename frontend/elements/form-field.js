/** A field of the launch form: label, control, description and what is wrong with it. */

import { h, setAttribute, setSentence, withCode } from "../app/dom.js";
import { integer } from "../app/format.js";
import { MODELS } from "../app/catalogue.js";
import { choice, fieldLabel, UNITS } from "../app/words.js";

/** A node with `value` (string or boolean), `complain(message)` and `focus()`. */
export function formField(field) {
  const id = `field-${field.path.replaceAll(".", "-")}`;
  const about = `${id}-hint ${id}-wrong`;
  const control = controls[field.kind](field, { id, name: field.path, "aria-describedby": about });
  const wrong = h("p", { class: "wrong", id: `${id}-wrong` });
  const hint = h("p", { class: "hint", id: `${id}-hint` }, withCode(field.description));
  const unit = UNITS[field.name] && h("span", { class: "unit" }, ` ${UNITS[field.name]}`);
  const label = h("label", { for: id }, fieldLabel(field.name), unit);
  const parts =
    field.kind === "flag" ? [h("div", { class: "flag" }, control, label)] : [label, control];
  const node = h("div", { class: "field", "data-path": field.path }, parts, wrong, hint);

  const key = field.kind === "flag" ? "checked" : "value";
  const empty =
    field.kind === "flag"
      ? (field.fallback ?? false)
      : field.kind === "choice"
        ? (field.fallback ?? "")
        : "";
  node.field = field;
  node.read = () => control[key];
  node.fill = (value) => (control[key] = value ?? empty);
  node.isChanged = () => control[key] !== empty;
  node.complain = (message = "") => {
    setSentence(wrong, message);
    setAttribute(control, "aria-invalid", message ? "true" : null);
  };
  node.focusControl = () => control.focus();
  node.fill(undefined);
  return node;
}

const controls = {
  flag: (_, attributes) => h("input", { type: "checkbox", ...attributes }),
  number: (field, attributes) =>
    text(field, { inputmode: field.whole ? "numeric" : "decimal", ...attributes }),
  text,
  choice(field, attributes) {
    const none = field.fallback === null ? [h("option", { value: "" }, "The model's default")] : [];
    return h(
      "select",
      attributes,
      none,
      field.choices.map((value) => h("option", { value }, option(field, value))),
    );
  },
};

function text(field, attributes) {
  const placeholder = field.fallback === null || field.fallback === "" ? "" : `${field.fallback}`;
  return h("input", {
    type: "text",
    autocomplete: "off",
    spellcheck: "false",
    placeholder,
    ...attributes,
  });
}

/** A choice in words; a network with its size, a dataset by its title. */
function option(field, value) {
  const words = choice(value);
  if (field.name === "dataset") return value.includes("@") ? `${words} (${value})` : words;
  const size = field.name === "model" && MODELS[value]?.parameters;
  return words + (size ? `, ${integer(size)} parameters` : "");
}
