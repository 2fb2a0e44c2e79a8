/** <panel-card>: a figure in small: what it shows, how far its runs are, how to run it. */

import { h, setText } from "../app/dom.js";
import { PANELS } from "../app/catalogue.js";
import { numberOf, shortTitle, statusWords } from "../app/panel-words.js";
import { panelPath } from "../app/router.js";
import "./panel-preview.js";
import "./run-study.js";
import { stateLine } from "./state-line.js";

class PanelCard extends HTMLElement {
  connectedCallback() {
    if (this.link) return;
    this.className = "card panel-card";
    this.number = h("strong");
    this.name = h("span");
    this.link = h("a", {}, this.number, this.name);
    this.state = stateLine();
    this.preview = h("panel-preview");
    this.bar = h("progress", { max: "1", "aria-label": "Runs complete" });
    this.notes = h("p", { class: "soft small" });
    this.runButton = h("run-study");
    this.append(
      h("h3", {}, this.link),
      this.state,
      this.preview,
      this.bar,
      this.notes,
      h("div", { class: "actions" }, this.runButton),
    );
    this.bar.hidden = this.notes.hidden = true;
    setText(this.name, "…");
    if (this.panel) this.show();
    if (this.study) this.showPlan();
  }

  /** `panel`: as the API gives it; `query`: whose runs. */
  update(panel, query) {
    Object.assign(this, { panel, query });
    if (this.link) this.show();
  }

  /** `plan`: what the panel's study still needs, or null while that is not known. */
  updatePlan(study, plan, selection) {
    Object.assign(this, { study, plan, selection });
    if (this.link) this.showPlan();
  }

  show() {
    const { panel, query } = this;
    const { counts } = panel;
    this.dataset.panel = panel.name;
    this.dataset.status = panel.status;
    this.link.href = panelPath(panel.name, query);
    setText(this.number, numberOf(panel.title));
    setText(this.name, shortTitle(panel.title));
    this.state.update(statusWords(panel));
    const live = panel.status === "live";
    this.bar.hidden = !live;
    this.bar.value = live ? fraction(panel) : 0;
    this.showNotes(counts);
    this.preview.update(panel);
    this.showPlan();
  }

  showNotes(counts) {
    const parts = [
      counts.censored && `${counts.censored} did not fit`,
      counts.diverged && `${counts.diverged} diverged`,
      counts.failed && `${counts.failed} failed or cancelled`,
      counts.short && `${counts.short} too short`,
    ].filter(Boolean);
    this.notes.hidden = !parts.length;
    setText(this.notes, parts.join(" · "));
  }

  showPlan() {
    const study = this.study ?? PANELS[this.panel?.name]?.study;
    if (!study || !this.selection) return;
    this.runButton.update(study, this.plan, this.selection);
    // What waits or trains already needs no button.
    const { counts } = this.panel ?? {};
    if (counts && counts.missing + counts.failed + counts.short === 0) this.runButton.hidden = true;
  }
}

/** Part of the panel's epochs that are there; a run that ended counts as a whole. */
function fraction({ provenance, counts }) {
  const parts = provenance.runs.map(({ state, epochs, asked }) =>
    state === "SUCCEEDED" ? 1 : Math.min(1, epochs / asked),
  );
  return counts.planned ? parts.reduce((a, b) => a + b, 0) / parts.length : 0;
}

customElements.define("panel-card", PanelCard);
