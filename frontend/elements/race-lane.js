/** <race-lane>: one run of a race: its epochs and accuracies in large figures, and what it does. */

import { h, setAttribute, setText } from "../app/dom.js";
import { integer, percent } from "../app/format.js";
import { runPath } from "../app/router.js";
import { isPreparing, phase } from "../app/words.js";

const FITS = {
  fitted: "has fitted",
  censored: "did not fit",
  diverged: "diverged",
  missing: "was deleted",
};
const STATES = {
  QUEUED: "waits for a worker",
  RUNNING: "training",
  PAUSED: "paused",
  CANCELLED: "cancelled",
  FAILED: "failed",
  SUCCEEDED: "ended",
};

class RaceLane extends HTMLElement {
  build() {
    this.heading = h("h2");
    this.doing = h("p", { class: "small soft" });
    this.epochs = h("dd", { class: "big" });
    this.train = h("dd", { class: "big" });
    this.test = h("dd");
    this.link = h("a", { class: "small" }, "Its run");
    this.append(
      h("div", { class: "lane-head" }, this.heading, this.link),
      h(
        "dl",
        {},
        h("div", {}, h("dt", {}, "epochs"), this.epochs),
        h("div", {}, h("dt", {}, "training accuracy"), this.train),
        h("div", {}, h("dt", {}, "test accuracy"), this.test),
      ),
      this.doing,
    );
  }

  /** `lane`: as the API shows it; `run`: the same in the store, if it is there. */
  update({ lane, run, curve }) {
    if (!this.heading) this.build();
    const ended = lane.fit !== "running";
    const last = ended ? null : curve.at(-1);
    this.style.setProperty("--lane", `var(--${lane.labels.replace(" ", "-")})`);
    setAttribute(this, "data-fit", lane.fit);
    setText(this.heading, lane.labels[0].toUpperCase() + lane.labels.slice(1));
    setText(this.epochs, integer(last?.epoch ?? lane.epochs));
    setText(this.train, percent(last?.train_accuracy ?? lane.train_accuracy));
    setText(this.test, percent(last?.test_accuracy ?? lane.test_accuracy));
    const state = run?.state ?? lane.state;
    const preparing = run && state === "RUNNING" && isPreparing(run);
    const detail = preparing && run.progress.detail ? `: ${run.progress.detail}` : "";
    setText(this.doing, FITS[lane.fit] ?? (preparing ? phase(run) + detail : STATES[state]));
    this.link.hidden = lane.state === null;
    this.link.href = runPath(lane.run_id);
  }
}

customElements.define("race-lane", RaceLane);
