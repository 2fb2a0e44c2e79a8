/** <accuracy-table>: Table 1 as a table, the paper's numbers beside ours. */

import { h } from "../app/dom.js";
import { percent } from "../app/format.js";
import { LiveElement } from "./live-element.js";

class AccuracyTable extends LiveElement {
  build() {
    this.frame = h("div", { class: "table-frame", tabindex: "0", "aria-label": "Table 1" });
    this.append(this.frame);
    if (this.panel) this.show();
  }

  update(panel, paper) {
    Object.assign(this, { panel, paper });
    if (this.isBuilt) this.show();
  }

  show() {
    const { panel, paper } = this;
    const key = JSON.stringify([panel.table, panel.deviations, panel.notes, paper]);
    if (key === this.key) return;
    this.key = key;
    const names = ["Model", "Random crop", "Weight decay", "Labels", "n"];
    const span = paper ? 2 : 1;
    const side = paper ? ["ours", "paper"] : ["ours"];
    this.frame.replaceChildren(
      h(
        "table",
        { class: paper ? "accuracies beside" : "accuracies" },
        h("caption", { class: "unseen" }, panel.title),
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            names.map((name, i) =>
              h("th", { scope: "col", rowspan: "2", class: i ? "setting" : null }, name),
            ),
            ["Training accuracy", "Test accuracy"].map((name) =>
              h("th", { scope: "colgroup", colspan: String(span), class: "right" }, name),
            ),
          ),
          h(
            "tr",
            {},
            [...side, ...side].map((who) => h("th", { scope: "col", class: "right" }, who)),
          ),
        ),
        h(
          "tbody",
          {},
          panel.table.map((row) => line(row, paper)),
        ),
      ),
      ...list("Differs from the paper", panel.deviations),
      ...list("", panel.notes),
    );
  }
}

function line(row, paper) {
  const theirs = (value) => paper && h("td", { class: "right soft" }, percent(value));
  const mine = (value) => h("td", { class: "right mine" }, percent(value));
  const given = (word) => h("td", { class: `setting ${word === "no" ? "soft" : ""}` }, word);
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, row.model, h("span", { class: "settings small soft" }, ` · ${settings(row)}`)),
    given(row.crop),
    given(row.weight_decay),
    h("td", { class: "setting" }, row.labels),
    h("td", { class: "setting" }, row.n ? String(row.n) : "–"),
    mine(row.train_accuracy),
    theirs(row.paper_train_accuracy),
    mine(row.test_accuracy),
    theirs(row.paper_test_accuracy),
  );
}

/** The row's settings in words, where there is no room for their columns. */
function settings({ crop, weight_decay: decay, labels, n }) {
  return [
    crop === "yes" && "crop",
    decay === "yes" && "weight decay",
    labels === "random" && "random labels",
    `n = ${n}`,
  ]
    .filter(Boolean)
    .join(", ");
}

function list(title, texts) {
  if (!texts.length) return [];
  const items = h(
    "ul",
    { class: "said small soft" },
    texts.map((text) => h("li", {}, text)),
  );
  return [h("div", { class: "deviations" }, title && h("h3", { class: "small" }, title), items)];
}

customElements.define("accuracy-table", AccuracyTable);
