/** <estimate-line>: what launching the request would take, or that its run exists already. */

import { h, setText } from "../app/dom.js";
import { integer, roughly, sentence, span } from "../app/format.js";
import { ENDED } from "../app/words.js";
import { LiveElement } from "./live-element.js";

class EstimateLine extends LiveElement {
  build() {
    this.setAttribute("role", "status");
    this.verb = "Launch";
    this.time = h("p", { class: "estimate" }, "…");
    this.basis = h("p", { class: "soft small" });
    this.append(this.time, this.basis);
  }

  wait() {
    this.classList.add("waiting");
  }

  clear() {
    this.classList.remove("waiting");
    this.verb = "Launch";
    setText(this.time, "–");
    setText(this.basis, "");
  }

  update(estimate) {
    this.classList.remove("waiting");
    const {
      run_id: existing,
      existing_state: state,
      existing_epochs: has,
      epochs,
      waiting,
    } = estimate;
    const queue = waiting
      ? ` After ${integer(waiting)} waiting run${waiting === 1 ? "" : "s"}.`
      : "";
    if (existing && (epochs === 0 || !ENDED.has(state))) {
      this.verb = "Open the run";
      setText(this.time, "This run exists already");
      setText(this.basis, sentence(`${state.toLowerCase()}, ${integer(has)} epochs so far`));
      return;
    }
    this.verb = existing ? `Train ${integer(epochs)} more epochs` : "Launch";
    const basis = existing
      ? `exists with ${integer(has)} epochs; ${estimate.basis}`
      : estimate.basis;
    if (estimate.seconds === null) {
      setText(this.time, "Time unknown yet");
      setText(this.basis, sentence(basis.replace(/^unknown yet: /, "")) + queue);
      return;
    }
    const { seconds, low_seconds: low, high_seconds: high } = estimate;
    setText(this.time, `About ${roughly(seconds)} (${span(low, high)})`);
    setText(this.basis, sentence(basis) + queue);
  }
}

customElements.define("estimate-line", EstimateLine);
