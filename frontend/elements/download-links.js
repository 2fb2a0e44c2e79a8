/** Links that download files of the API. What goes wrong is said below them. */

import { api, Problem } from "../app/api.js";
import { h, setAttribute, setSentence, setText } from "../app/dom.js";
import { icon } from "../app/icons.js";

/** A node with `links`, one for each of `files`: `{word, label}`. A link's `href` is the file. */
export function downloadLinks(files) {
  const wrong = h("p", { class: "wrong", role: "alert" });
  const links = files.map(({ word, label }) => {
    const link = h("a", { class: "button tight", download: "", "aria-label": label });
    link.append(icon("down", 12), word);
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // the browser's own ways
      event.preventDefault();
      save(link, wrong);
    });
    return link;
  });
  const node = h("div", { class: "actions downloads", role: "group", "aria-label": "Downloads" });
  node.append(...links, wrong);
  node.links = links;
  return node;
}

/** A browser does not tell the page of a download that fails: so the page fetches it by itself. */
async function save(link, wrong) {
  if (link.getAttribute("aria-busy")) return;
  setAttribute(link, "aria-busy", "true");
  setText(wrong, "");
  try {
    const { content, name } = await api.file(link.href);
    const address = URL.createObjectURL(content);
    h("a", { href: address, download: link.download || name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    setSentence(wrong, `The download failed. ${error.message}`);
  } finally {
    setAttribute(link, "aria-busy", null);
  }
}
