/** <panel-controls>: how a panel is shown: criterion, axis, log, seeds, paper. Emits `options`. */

import { h } from "../app/dom.js";
import { CRITERIA, PANELS } from "../app/catalogue.js";
import { SPREAD_CHOICES, X_AXES } from "../app/panel-words.js";
import { capital } from "../app/words.js";
import { segments } from "./segments.js";

class PanelControls extends HTMLElement {
  /** `options`: as `panel-options` has them; `name`: which panel; `ofStudy`: whether of a study. */
  connectedCallback() {
    if (this.boxes) return;
    const { kind } = PANELS[this.name];
    const { options } = this;
    this.boxes = {
      paper: this.box("paper", "Published values", "The paper’s and the report’s. Key: p"),
      log: this.box("log", "Log y", "Vertical axis logarithmic. Key: l"),
      logX: this.box("logX", "Log x", "Horizontal axis logarithmic"),
      individual: this.box("individual", "Single seeds", "Each seed besides the mean"),
    };
    const { paper, log, logX, individual } = this.boxes;
    if (kind === "points") {
      this.append(this.select("criterion", "A run has fitted at", this.criteria, options.criterion));
    }
    if (kind === "curves") {
      this.axis = segments({
        legend: "Horizontal axis",
        name: "x",
        options: X_AXES,
        value: options.x,
        onChoose: (x) => this.change({ x }),
      });
      this.append(this.axis);
    }
    this.spread = this.select("spread", "Spread over seeds", SPREAD_CHOICES, options.spread);
    this.append(this.spread);
    const shown = { curves: [paper, log, logX, individual], points: [paper, log, individual], rows: [paper] };
    this.append(h("div", { class: "checks" }, shown[kind]));
  }

  /** The empty choice is the first one, and needs no word in the address. */
  get criteria() {
    const own = "Each model’s own";
    const first = this.ofStudy ? { "": "The study’s own", default: own } : { "": own };
    const titles = Object.values(CRITERIA).map(({ name, title }) => [name, capital(title)]);
    return { ...first, ...Object.fromEntries(titles) };
  }

  change(change) {
    this.options = { ...this.options, ...change };
    this.dispatchEvent(new CustomEvent("options", { detail: this.options }));
  }

  /** Show what the panel has: its axis, where the server chose it, and what can be turned on. */
  update({ x_axis: x, seeds, references, table }) {
    this.axis?.choose(x.unit);
    this.spread.hidden = seeds < 2;
    this.boxes.individual.hidden = seeds < 2;
    this.boxes.paper.hidden = !references.length && !table.length;
  }

  /** Turn an option on or off, as its key does; nothing where the panel does not have it. */
  flip(name) {
    const label = this.boxes[name];
    if (!label.isConnected || label.hidden) return;
    label.input.checked = !label.input.checked;
    this.change({ [name]: label.input.checked });
  }

  box(name, word, title) {
    const input = h("input", {
      type: "checkbox",
      checked: this.options[name],
      onchange: () => this.change({ [name]: input.checked }),
    });
    const label = h("label", { class: "check small", title }, input, word);
    label.input = input;
    return label;
  }

  select(option, label, words, value) {
    const select = h(
      "select",
      { onchange: () => this.change({ [option]: select.value }) },
      Object.entries(words).map(([name, word]) => h("option", { value: name }, word)),
    );
    select.value = value;
    return h("label", { class: "labelled" }, h("span", { class: "small soft" }, label), select);
  }
}

customElements.define("panel-controls", PanelControls);
