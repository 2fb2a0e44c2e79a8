/** A state as an icon and a word; colour only repeats them. A node with `update({icon, tone, word})`. */

import { h } from "../app/dom.js";
import { icon } from "../app/icons.js";

export function stateLine(className = "") {
  const node = h("span", { class: `state ${className}` });
  node.update = ({ icon: name, tone, word }) => {
    const key = `${name} ${word}`;
    if (node.dataset.shown === key) return;
    node.dataset.shown = key;
    node.className = `state ${className} ${tone}`;
    node.replaceChildren(icon(name), h("span", {}, word));
  };
  return node;
}
