/** A table with one row of headings. */

import { h } from "../app/dom.js";

/** `heads`: texts, or `[text, class]`; `rows`: the <tr>s; `caption` and attributes, if any. */
export function dataTable(heads, rows, { caption = null, ...attributes } = {}) {
  const head = (one) => {
    const [text, style = null] = [one].flat();
    return h("th", { scope: "col", class: style }, text);
  };
  return h(
    "table",
    attributes,
    caption && h("caption", { class: "small soft" }, caption),
    h("thead", {}, h("tr", {}, heads.map(head))),
    h("tbody", {}, rows),
  );
}
