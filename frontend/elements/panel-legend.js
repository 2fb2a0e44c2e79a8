/** <panel-legend>: what colours, marks and dashes of a panel mean; a condition can be hidden. */

import { h, reconcile, setText, svg } from "../app/dom.js";
import { BEST, conditionOf, MEASURES, PAPER } from "../app/panel-words.js";
import { MARK_PATHS } from "../app/panel-style.js";

class PanelLegend extends HTMLElement {
  connectedCallback() {
    if (this.conditions) return;
    this.conditions = h("ul", {
      class: "legend",
      "aria-label": "Conditions: press to hide or show",
    });
    this.kinds = h("ul", { class: "legend kinds" });
    this.append(this.conditions, this.kinds);
  }

  /** `hidden`: keys not shown. Emits `toggle-condition` with a key. */
  update(panel, styles, hidden) {
    const all = [...panel.series, ...panel.references];
    const ours = all.filter((series, i) => all.findIndex(({ key }) => key === series.key) === i);
    reconcile(
      this.conditions,
      ours.map((series) => ({
        series,
        style: styles.get(series.key),
        off: hidden.has(series.key),
      })),
      ({ series }) => series.key,
      ({ series }) => this.condition(series.key),
    );
    reconcile(this.kinds, kinds(panel), ({ word }) => word, kindEntry);
  }

  condition(key) {
    const label = h("span");
    const state = h("span", { class: "soft" });
    const line = svg("line", { x1: 0, x2: 26, y1: 6, y2: 6 });
    const mark = svg("path", { transform: "translate(8 1)" });
    const sample = svg("svg", { width: 26, height: 12, "aria-hidden": "true" }, line, mark);
    const button = h("button", { type: "button", class: "entry" }, sample, label, state);
    button.addEventListener("click", () =>
      this.dispatchEvent(new CustomEvent("toggle-condition", { detail: key })),
    );
    const node = h("li", {}, button);
    node.update = ({ series, style, off }) => {
      sample.style.color = style.colour;
      mark.setAttribute("d", MARK_PATHS[style.mark]);
      setText(label, conditionOf(series));
      const rest = { missing: "no run yet", incomplete: "no ratio", partial: "partial" };
      setText(state, series.source === "ours" ? (rest[series.state] ?? "") : "");
      button.setAttribute("aria-pressed", String(!off));
    };
    return node;
  }
}

/** Marks that are more than a value: `{word, path}`. */
const FLAGS = {
  "lower bound": {
    word: "did not fit within its limit: the true value is higher",
    path: "M13 0l5.5 12h-11z",
  },
  "not fitted": { word: "its run did not fit the training set", path: "M9 2l8 8M17 2l-8 8" },
  expected: {
    word: "expected from the error against true labels, not measured",
    path: "M13 2.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7",
  },
  derived: {
    word: "the paper’s points computed back to true test labels",
    dash: "2px,3px",
    isReference: true,
  },
  duplicate: {
    word: "published twice: equal to its neighbour, probably a copy",
    path: "M13 2a4 4 0 1 0 0 8a4 4 0 1 0 0-8M12.2 6h1.6",
    isReference: true,
  },
};

/** What dashes, marks and grey mean, where the panel has more than one such. */
function kinds({ series, references, comparable }) {
  const measures = [...new Set(series.map(({ measure }) => measure))];
  const found = [];
  if (measures.length > 1) {
    for (const measure of measures) if (MEASURES[measure]) found.push(MEASURES[measure]);
  }
  if (series.some(({ kind }) => kind === "running best")) found.push(BEST);
  found.push(...flagged(series));
  const rest = comparable ? "" : ", not comparable here";
  for (const source of new Set(references.map((reference) => reference.source))) {
    const word = source === "paper" ? PAPER.word : "the report’s number";
    const path = source === "paper" ? null : "M13 2.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7";
    found.push({ word: word + rest, dash: PAPER.dash, path, isReference: true });
  }
  return [...found, ...flagged(references)];
}

function flagged(series) {
  const flags = new Set(series.flatMap(({ flag }) => flag));
  return [...flags].map((flag) => FLAGS[flag]).filter(Boolean);
}

function kindEntry({ isReference, path }) {
  const line = path
    ? svg("path", { d: path, class: "flag" })
    : svg("line", { x1: 0, x2: 26, y1: 6, y2: 6 });
  const label = h("span");
  const node = h(
    "li",
    { class: isReference ? "is-reference" : null },
    svg("svg", { width: 26, height: 12, "aria-hidden": "true" }, line),
    label,
  );
  node.update = ({ word, dash }) => {
    line.style.strokeDasharray = path || !dash || dash === "solid" ? "none" : dash;
    setText(label, word);
  };
  return node;
}

customElements.define("panel-legend", PanelLegend);
