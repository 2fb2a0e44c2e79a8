/** <selection-bar>: whose runs are shown: scale, variant, seeds. Emits `select` with the three. */

import { h, setText } from "../app/dom.js";
import { MAX_SEEDS, SCALES, SCALE_WORDS, VARIANTS } from "../app/selection.js";
import { segments } from "./segments.js";

class SelectionBar extends HTMLElement {
  connectedCallback() {
    if (this.seeds) return;
    const { scale, variant, seeds } = this.selection;
    this.about = h("p", { class: "soft small about" });
    this.seeds = h(
      "select",
      { onchange: () => this.choose({ seeds: Number(this.seeds.value) }) },
      Array.from({ length: MAX_SEEDS }, (_, i) => h("option", { value: `${i + 1}` }, `${i + 1}`)),
    );
    this.seeds.value = String(seeds);
    this.append(
      group("Scale", {
        name: "scale",
        options: SCALES,
        value: scale,
        titles: SCALE_WORDS,
        onChoose: (value) => this.choose({ scale: value }),
      }),
      group("Variant", {
        name: "variant",
        options: VARIANTS,
        value: variant,
        titles: {
          paper: "As the paper does it, as far as it says",
          report: "As a student reproduction of 2024 reads it",
        },
        onChoose: (value) => this.choose({ variant: value }),
      }),
      h("label", { class: "labelled" }, h("span", { class: "small soft" }, "Seeds"), this.seeds),
      this.about,
    );
    this.tell();
  }

  choose(change) {
    this.selection = { ...this.selection, ...change };
    this.tell();
    this.dispatchEvent(new CustomEvent("select", { detail: this.selection }));
  }

  tell() {
    setText(this.about, SCALE_WORDS[this.selection.scale]);
  }
}

function group(word, options) {
  return h(
    "div",
    { class: "labelled" },
    h("span", { class: "small soft", "aria-hidden": "true" }, word),
    segments({ legend: word, ...options }),
  );
}

customElements.define("selection-bar", SelectionBar);
