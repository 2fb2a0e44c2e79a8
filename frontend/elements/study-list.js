/**
 * <study-list>: the studies that were launched: how far they are, and how to end them. With
 * `wanted(study)` only those under way for which it holds.
 */

import { api, Problem } from "../app/api.js";
import { comparison, panelOf } from "../app/catalogue.js";
import { h, reconcile, setSentence, setText } from "../app/dom.js";
import { integer, plural } from "../app/format.js";
import { LiveFetch } from "../app/live-fetch.js";
import { panelPath } from "../app/router.js";
import { selectionWords } from "../app/selection.js";
import { ACTIVE } from "../app/words.js";
import { ask } from "./ask-dialog.js";
import { LiveElement } from "./live-element.js";
import { stateLine } from "./state-line.js";

const LISTED = 50;
const STATES = {
  waiting: { icon: "queued", tone: "", word: "Waiting" },
  running: { icon: "running", tone: "running", word: "Running" },
  complete: { icon: "succeeded", tone: "succeeded", word: "Complete" },
  failed: { icon: "failed", tone: "failed", word: "Incomplete" },
  cancelled: { icon: "cancelled", tone: "", word: "Cancelled" },
};
class StudyList extends LiveElement {
  build() {
    this.active = h("ul", { class: "studies" });
    this.earlier = h("ul", { class: "studies" });
    this.summary = h("summary", { class: "small soft" });
    this.details = h("details", { class: "earlier" }, this.summary, this.earlier);
    this.heading = h("h2", { tabindex: "-1", class: this.wanted ? "unseen" : null }, "Studies");
    this.append(this.heading, this.active, this.details);
    this.hidden = true;
  }

  start() {
    this.source = new LiveFetch((signal) => this.load(signal));
    this.onEnd(() => this.source.end());
    this.loaded = this.source.now();
  }

  /** Fetch at once; `focus`: then move the focus here, to what was just launched. */
  async refresh({ focus = false } = {}) {
    await this.source.now();
    if (focus) this.heading.focus();
  }

  async load(signal) {
    try {
      this.items = (await api.studies({ limit: LISTED }, signal)).items;
      this.show();
    } catch (error) {
      if (!(error instanceof Problem)) throw error; // the dot on top tells that nothing answers
    }
  }

  /** Show anew what was fetched; for who knows better now what is `wanted`. */
  show() {
    const { wanted, items = [] } = this;
    const active = items.filter((one) => ACTIVE.has(one.state) && (wanted?.(one) ?? true));
    const earlier = wanted ? [] : items.filter(({ state }) => !ACTIVE.has(state));
    this.hidden = active.length + earlier.length === 0;
    this.source.follow([...new Set(active.flatMap(({ run_ids: ids }) => ids))]);
    const row = () => studyRow(() => this.refresh());
    reconcile(this.active, active, ({ id }) => id, row);
    reconcile(this.earlier, earlier, ({ id }) => id, row);
    this.details.hidden = earlier.length === 0;
    const n = earlier.length;
    setText(this.summary, `${integer(n)} earlier ${n === 1 ? "study" : "studies"}`);
  }
}

function studyRow(refresh) {
  const link = h("a");
  const words = h("span", { class: "soft small" });
  const state = stateLine();
  const bar = h("progress", { max: "1" });
  const far = h("span", { class: "small" });
  const buttons = h("div", { class: "actions" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const node = h(
    "li",
    { class: "card study" },
    h("div", { class: "name" }, link, words),
    state,
    h("div", { class: "far" }, bar, far),
    buttons,
    wrong,
  );
  const act = async (action) => {
    setText(wrong, "");
    try {
      await action();
      refresh();
    } catch (error) {
      setSentence(wrong, error.message);
    }
  };
  node.update = (study) => {
    setText(link, study.title);
    link.href = placeOf(study);
    const custom = study.study === "custom";
    setText(words, custom ? "custom grid" : selectionWords(study.request));
    state.update(STATES[study.state]);
    bar.value = study.fraction;
    bar.setAttribute("aria-label", `${study.title}: part done`);
    setText(far, progressWords(study));
    if (node.dataset.state === study.state) return;
    node.dataset.state = study.state;
    buttons.replaceChildren(...offered(study, act));
  };
  return node;
}

function progressWords(study) {
  const { runs, complete, running, paused, failed, missing, epochs_done: done } = study;
  const parts = [`${integer(complete)} of ${plural(runs, "run")}`];
  if (running) parts.push(`${integer(running)} in training`);
  if (paused) parts.push(`${integer(paused)} paused`);
  if (failed) parts.push(`${integer(failed)} failed or cancelled`);
  if (missing) parts.push(`${integer(missing)} deleted`);
  parts.push(plural(done, "epoch"));
  return parts.join(" · ");
}

/** Where its result is seen: its figure, all figures, the race or the curves of a grid of one's own. */
export function placeOf({ id, study, request }) {
  const { scale, variant, seeds, criterion, model, dataset, randomization } = request;
  const query = { scale, variant, seeds, ...(criterion ? { criterion } : {}) };
  if (study === "custom") return panelPath(comparison(), { study: id });
  if (study === "race") return `#/race?study=${id}`;
  if (study === "everything") return `#/figures?${new URLSearchParams(query)}`;
  const ofOnesOwn = model || dataset || randomization;
  return panelPath(panelOf(study), ofOnesOwn ? { study: id } : query);
}

function offered(study, act) {
  const button = (word, action) =>
    h(
      "button",
      {
        type: "button",
        class: "button tight",
        "aria-label": `${word} ${study.title}`,
        onclick: action,
      },
      word,
    );
  const remove = () =>
    ask({
      title: "Delete this study?",
      text: "Its runs and their curves stay.",
      yes: "Delete",
      danger: true,
      act: () => act(() => api.removeStudy(study.id)),
    });
  if (ACTIVE.has(study.state)) {
    return [button("Cancel", () => act(() => api.cancelStudy(study.id)))];
  }
  const again = study.state !== "complete" && !study.request.grid;
  return [
    ...(again ? [button("Go on", () => act(() => api.launchStudy(study.request)))] : []),
    button("Delete", remove),
  ];
}

customElements.define("study-list", StudyList);
