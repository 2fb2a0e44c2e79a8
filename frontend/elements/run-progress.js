/** <run-progress>: how far a run is: a bar, the epoch, what it does now and when it will be done. */

import { h, setText } from "../app/dom.js";
import { clock, duration, integer } from "../app/format.js";
import { store } from "../app/store.js";
import { ENDED, epochWords, isPreparing, phase, whyStopped } from "../app/words.js";
import { LiveElement } from "./live-element.js";

const SILENT = 20; // seconds: two heartbeats

class RunProgress extends LiveElement {
  build() {
    this.bar = h("progress", { max: "1", "aria-label": "Progress" });
    this.far = h("span", { class: "far" });
    this.left = h("span", { class: "left" });
    this.append(this.bar, h("p", {}, this.far, this.left));
  }

  start() {
    const show = () => this.run && this.update(this.run);
    this.watch(["heartbeats"], show);
    this.every(5000, show);
    show();
  }

  update(run) {
    this.run = run;
    this.classList.toggle("ended", ENDED.has(run.state));
    if (!this.bar) return;
    const preparing = isPreparing(run);
    const fraction = preparing ? run.progress.fraction : (run.fraction ?? 0);
    // Without a value the bar shows that something goes on, and not how far it is.
    if (fraction === null || fraction === undefined) this.bar.removeAttribute("value");
    else this.bar.value = fraction;
    setText(this.far, preparing ? preparation(run) : words(run, this.classList.contains("brief")));
    const silence = silenceOf(run);
    this.left.classList.toggle("warn", silence !== null);
    setText(this.left, silence ?? (preparing ? "" : remaining(run)));
  }
}

/** "no word from its worker for 25 s", "no progress for 25 s"; null where there is. */
function silenceOf({ state, worker, toldAt }) {
  if (state !== "RUNNING") return null;
  const silent = store.workers.find(({ id }) => id === worker?.id)?.silent_seconds ?? 0;
  if (silent >= SILENT) return `no word from its worker for ${duration(silent)}`;
  const still = (Date.now() - toldAt) / 1000;
  return still >= SILENT ? `no progress for ${duration(still)}` : null;
}

/** "Fetching the data: CIFAR-10, 64 of 146 MB" */
function preparation(run) {
  const doing = phase(run);
  const detail = run.progress.detail ? `: ${run.progress.detail}` : "";
  return doing[0].toUpperCase() + doing.slice(1) + detail;
}

function words(run, brief) {
  const parts = [epochWords(run)];
  if (run.state === "RUNNING") parts.push(phase(run));
  if (whyStopped(run)) parts.push(whyStopped(run));
  const speed = !brief && run.state === "RUNNING" && run.progress?.images_per_second;
  if (speed) parts.push(`${integer(Math.round(speed))} images/s`);
  return parts.join(" · ");
}

function remaining(run) {
  if (run.state === "QUEUED") {
    if (run.obstacle) return run.obstacle;
    if (!run.queue_position) return "";
    return run.queue_position === 1
      ? "next in the queue"
      : `place ${run.queue_position} in the queue`;
  }
  if (run.finished_at) return ended(run);
  if (run.state !== "RUNNING") return "";
  if (run.eta_seconds === null) return "time left: estimating";
  const done = new Date(Date.now() + 1000 * run.eta_seconds);
  return `${duration(run.eta_seconds)} left, until ${clock(done)}`;
}

/** "ended 14:32, 23 s after its start" */
function ended(run) {
  const end = new Date(run.finished_at);
  const took = run.started_at && duration((end - new Date(run.started_at)) / 1000);
  return `ended ${clock(end)}${took ? `, ${took} after its start` : ""}`;
}

customElements.define("run-progress", RunProgress);
