/** Links that download a figure, one a format. */

import { api } from "../app/api.js";
import { h } from "../app/dom.js";
import { icon } from "../app/icons.js";

const FORMATS = ["csv", "json", "parquet", "svg", "pdf", "png"];

/** A node with `update(name, query)`. */
export function figureDownloads() {
  const links = FORMATS.map((format) => {
    const word = format === "parquet" ? "Parquet" : format.toUpperCase();
    const label = `Download the figure as ${word}`;
    const link = h("a", { class: "button tight", download: "", "aria-label": label });
    link.append(icon("down", 12), word);
    return link;
  });
  const node = h("div", { class: "actions", role: "group", "aria-label": "Downloads" }, links);
  node.update = (name, query) => {
    for (const [i, format] of FORMATS.entries())
      links[i].href = api.figureUrl(name, format, query);
  };
  return node;
}
