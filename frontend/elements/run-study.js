/**
 * <run-study>: a button that says what is missing and how long it takes, and shows the plan.
 * `update(study, plan, selection, verb)`: the plan may not be known yet. Emits `launched`.
 */

import { h, setText } from "../app/dom.js";
import { plural, roughly } from "../app/format.js";
import { STUDIES } from "../app/catalogue.js";
import { showPlan } from "./plan-dialog.js";

class RunStudy extends HTMLElement {
  connectedCallback() {
    if (this.button) return;
    this.button = h("button", { type: "button", class: "button", onclick: () => this.open() });
    this.button.classList.toggle("main", this.hasAttribute("main"));
    this.append(this.button);
    this.hidden = true;
    if (this.study) this.show();
  }

  update(study, plan, selection) {
    Object.assign(this, { study, plan, selection });
    if (this.button) this.show();
  }

  show() {
    const { study, plan } = this;
    const left = plan ? plan.new + plan.extended : null;
    const begun = plan && left < plan.runs_needed;
    this.hidden = left === 0;
    const what = `${begun ? "Run the rest of" : "Run"} ${STUDIES[study]?.title.split(/[:,]/)[0] ?? study}`;
    const cost = plan ? `: ${plural(left, "run")}, about ${roughly(plan.seconds)}` : "";
    setText(this.button, what + cost);
  }

  open() {
    showPlan({ study: this.study, ...this.selection }, (study) => {
      this.dispatchEvent(new CustomEvent("launched", { detail: study, bubbles: true }));
    });
  }
}

customElements.define("run-study", RunStudy);
