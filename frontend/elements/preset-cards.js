/** The presets as a group of radio buttons that look like cards. */

import { h } from "../app/dom.js";

function card({ title, description }, radio) {
  const about = h("span", { class: "soft small" }, description);
  return h("label", { class: "card preset" }, radio, h("strong", {}, title), about);
}

/** A node with `choose(name)`; `onChoose(preset)` is told what the user chooses. */
export function presetCards(presets, onChoose) {
  const radios = presets.map((preset) =>
    h("input", {
      type: "radio",
      name: "preset",
      class: "unseen",
      value: preset.name,
      onclick: () => onChoose(preset), // arrow keys click too; a second click undoes changes
    }),
  );
  const cards = (title, style, group) =>
    h(
      "div",
      { class: `preset-cards ${style}` },
      h("h2", {}, title),
      presets.map((preset, i) => preset.group === group && card(preset, radios[i])),
    );
  const node = h(
    "fieldset",
    {},
    h("legend", { class: "unseen" }, "Presets"),
    cards("Quick", "told", "quick"),
    cards("The paper's setting, full scale", "brief", "paper"),
    cards("The report's, where it differs", "brief", "report"),
  );
  node.choose = (name) => {
    for (const radio of radios) radio.checked = radio.value === name;
  };
  return node;
}
