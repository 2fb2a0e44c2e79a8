/** A block of code with a button that copies it. */

import { h, setText } from "../app/dom.js";

/** A node with `update(text)`; hidden while there is nothing to copy. */
export function copyBlock(label) {
  const code = h("pre", { tabindex: "0", "aria-label": label });
  const button = h("button", { type: "button", class: "button tight" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      setText(button, "Copied");
    } catch {
      getSelection().selectAllChildren(code); // no clipboard on plain HTTP: one key is left to press
      setText(button, "Selected");
    }
    setTimeout(() => setText(button, "Copy"), 1500);
  });
  const node = h("div", { class: "copyable" }, code, button);
  node.update = (text) => {
    node.hidden = !text;
    setText(code, text);
  };
  return node;
}
