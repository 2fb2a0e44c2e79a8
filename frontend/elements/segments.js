/** A choice of few words side by side: radio buttons that look like one control. */

import { h } from "../app/dom.js";

/** A node with `choose(value)`; `options`: word by value; `onChoose(value)` when the user does. */
export function segments({ legend, name, options, value, titles = {}, onChoose }) {
  const radios = Object.entries(options).map(([option, word]) => {
    const radio = h("input", {
      type: "radio",
      name,
      class: "unseen",
      value: option,
      checked: option === value,
      onchange: () => onChoose(option),
    });
    return h("label", { title: titles[option] }, radio, h("span", {}, word));
  });
  const node = h(
    "fieldset",
    { class: "segments" },
    h("legend", { class: "unseen" }, legend),
    radios,
  );
  node.choose = (option) => {
    for (const radio of node.querySelectorAll("input")) radio.checked = radio.value === option;
  };
  return node;
}
