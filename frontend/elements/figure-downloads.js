/** Links that download a figure, one a format. */

import { api } from "../app/api.js";
import { downloadLinks } from "./download-links.js";

const FORMATS = ["csv", "json", "parquet", "svg", "pdf", "png"];

/** A node with `update(name, query)`. */
export function figureDownloads() {
  const node = downloadLinks(
    FORMATS.map((format) => {
      const word = format === "parquet" ? "Parquet" : format.toUpperCase();
      return { word, label: `Download the figure as ${word}` };
    }),
  );
  node.update = (name, query) => {
    for (const [i, format] of FORMATS.entries())
      node.links[i].href = api.figureUrl(name, format, query);
  };
  return node;
}
