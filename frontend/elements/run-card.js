/** <run-card>: a run that is waiting, running or paused, with what can be done about it. */

import { api } from "../app/api.js";
import { h, setSentence, setText } from "../app/dom.js";
import { completeCurve } from "../app/feed.js";
import { runPath } from "../app/router.js";
import { curveOf, putRun, store } from "../app/store.js";
import { accuracies, runSummary, runTitle } from "../app/words.js";
import { cancelRuns, studiesOf } from "./cancel-runs.js";
import { LiveElement } from "./live-element.js";
import "./run-progress.js";
import "./spark-line.js";
import "./state-badge.js";

class RunCard extends LiveElement {
  build() {
    this.className = "card run-card";
    this.state = h("state-badge");
    this.link = h("a");
    this.summary = h("p", { class: "soft small" });
    this.bar = h("run-progress", { class: "brief" });
    this.line = h("spark-line");
    this.trained = h("span");
    this.tested = h("span");
    this.wrong = h("p", { class: "wrong", role: "alert" });
    this.buttons = h("div", { class: "actions" });
    this.append(
      h("div", { class: "head" }, h("h3", {}, this.link), this.state),
      this.summary,
      this.bar,
      h(
        "div",
        { class: "tail" },
        this.line,
        h("p", { class: "numbers small" }, this.trained, this.tested),
        this.buttons,
      ),
      this.wrong,
    );
  }

  start() {
    this.watch([`run:${this.dataset.key}`], () => this.show());
    this.watch([`curve:${this.dataset.key}`], () => this.showCurve());
    if (this.run) this.show();
  }

  update(run) {
    this.run = run;
    if (this.isBuilt) this.show();
  }

  show() {
    const run = (this.run = store.runs.get(this.dataset.key) ?? this.run);
    this.dataset.state = run.state;
    this.state.update(run);
    setText(this.link, runTitle(run));
    this.link.href = runPath(run.id);
    setText(this.summary, runSummary(run));
    this.bar.update(run);
    const reached = accuracies(run);
    setText(this.trained, reached ? `train ${reached.train}` : "");
    setText(this.tested, reached ? `test ${reached.test}` : "");
    this.showButtons(run);
    if (run.epochs_done && !store.curves.has(run.id)) completeCurve(run.id);
    this.line.hidden = !run.epochs_done;
  }

  showCurve() {
    if (this.run) this.line.update(this.run, curveOf(this.run.id));
  }

  showButtons(run) {
    const wanted = {
      QUEUED: ["cancel"],
      RUNNING: ["pause", "cancel"],
      PAUSED: ["resume", "cancel"],
    };
    const asked = run.cancel_requested ? "cancel" : run.pause_requested ? "pause" : "";
    const words = { pause: "Pause", resume: "Resume", cancel: studiesOf(run).length ? "Cancel…" : "Cancel" };
    const key = `${run.state} ${asked} ${words.cancel} ${runTitle(run)}`;
    if (this.shownButtons === key) return;
    this.shownButtons = key;
    this.buttons.replaceChildren(
      ...(wanted[run.state] ?? []).map((name) =>
        h(
          "button",
          {
            type: "button",
            class: "button tight",
            disabled: name === asked || asked === "cancel",
            "aria-label": `${words[name]} ${runTitle(run)}`,
            onclick: () => this.act(name),
          },
          words[name],
        ),
      ),
    );
  }

  async act(name) {
    setText(this.wrong, "");
    try {
      if (name === "cancel") await cancelRuns([this.run.id]);
      else putRun(await api.act(this.run.id, name));
    } catch (error) {
      setSentence(this.wrong, error.message);
    }
  }
}

customElements.define("run-card", RunCard);
