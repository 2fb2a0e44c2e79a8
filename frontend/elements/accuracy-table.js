/** <accuracy-table>: Table 1 as a table, the paper's numbers beside ours. */

import { h, withCode } from "../app/dom.js";
import { percent } from "../app/format.js";
import { SPREADS } from "../app/panel-words.js";
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
    const spread = panel.table.find(({ n }) => n > 1)?.spread;
    this.frame.replaceChildren(
      h("p", { class: "small soft" }, spread ? `Mean over n seeds; below it ${SPREADS[spread]}.` : ""),
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
  const mine = (value, low, high) =>
    h(
      "td",
      { class: "right mine" },
      percent(value),
      row.n > 1 && h("div", { class: "spread small soft" }, range(low, high)),
    );
  const given = (word) => h("td", { class: `setting ${word === "no" ? "soft" : ""}` }, word);
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, row.model, h("span", { class: "settings small soft" }, ` · ${settings(row)}`)),
    given(row.crop),
    given(row.weight_decay),
    h("td", { class: "setting" }, row.labels),
    h("td", { class: "setting" }, row.n ? String(row.n) : "–", diverged(row)),
    mine(row.train_accuracy, row.train_low, row.train_high),
    theirs(row.paper_train_accuracy),
    mine(row.test_accuracy, row.test_low, row.test_high),
    theirs(row.paper_test_accuracy),
  );
}

/** A spread, whose per cent sign stands at the mean; nothing where both ends look alike. */
function range(low, high) {
  const [from, to] = [low, high].map((value) => percent(value).replace(/\u00a0%$/, ""));
  return from === to ? "" : `${from}–${to}`;
}

function diverged({ diverged: count }) {
  return count ? ` (${count} diverged)` : "";
}

/** The row's settings in words, where there is no room for their columns. */
function settings(row) {
  const { crop, weight_decay: decay, labels, n } = row;
  return [
    crop === "yes" && "crop",
    decay === "yes" && "weight decay",
    labels === "random" && "random labels",
    `n = ${n}${diverged(row)}`,
  ]
    .filter(Boolean)
    .join(", ");
}

function list(title, texts) {
  if (!texts.length) return [];
  const items = h(
    "ul",
    { class: "said small soft" },
    texts.map((text) => h("li", {}, withCode(text))),
  );
  return [h("div", { class: "deviations" }, title && h("h2", { class: "small" }, title), items)];
}

customElements.define("accuracy-table", AccuracyTable);
