/** <overview-view>: what is going on now, then every run. */

import { api, Problem } from "../app/api.js";
import { debounce, h, reconcile, setSentence, setText } from "../app/dom.js";
import { integer } from "../app/format.js";
import { isForPage } from "../app/keyboard.js";
import { go, runPath } from "../app/router.js";
import { putRun, store, watch } from "../app/store.js";
import { ENDED } from "../app/words.js";
import { LiveElement } from "../elements/live-element.js";
import "../elements/race-line.js";
import "../elements/run-card.js";
import "../elements/run-table.js";
import "../elements/verdict-line.js";

const QUEUED_SHOWN = 3;
const AT_WORK_SHOWN = 60;
const DEMO = "demo";

class OverviewView extends LiveElement {
  build() {
    document.title = "Overview · Rethink";
    this.ids = [];
    this.cards = h("div", { class: "cards" });
    this.more = h("p", { class: "soft small" });
    this.idle = h(
      "p",
      { class: "idle soft" },
      "Nothing is running. ",
      h("a", { href: "#/launch" }, "Launch a run"),
      ".",
    );
    this.active = h(
      "section",
      { "aria-labelledby": "active-heading", class: "active" },
      h("h2", { id: "active-heading" }, "Active"),
      this.cards,
      this.more,
      this.idle,
    );
    this.table = h("run-table");
    this.runs = h("section", { "aria-label": "All runs" }, this.table);
    this.empty = emptyState();
    this.figures = h("verdict-line");
    this.append(
      h("h1", { class: "unseen" }, "Overview"),
      h("race-line"),
      this.empty,
      this.active,
      this.figures,
      this.runs,
    );
    this.idle.hidden = this.more.hidden = this.empty.hidden = true;
  }

  start() {
    const soon = debounce(() => this.load(), 200, 600);
    this.onEnd(soon.cancel);
    this.watch(["runs", "resync"], soon);
    this.listen(this.table, "loaded", ({ detail }) => {
      const empty = detail.total === 0 && !detail.filtered;
      this.empty.hidden = !empty;
      this.active.hidden = this.runs.hidden = empty;
    });
    this.listen(document, "keydown", (event) => this.onKey(event));
    this.arrive(this.load(), this.figures.loaded, this.table.loaded);
  }

  stop() {
    this.unwatch?.();
  }

  async load() {
    const at = { state: "RUNNING", limit: AT_WORK_SHOWN, sort: "created_at" };
    try {
      const [running, paused, queued] = await Promise.all([
        api.runs(at),
        api.runs({ ...at, state: "PAUSED" }),
        api.runs({ ...at, state: "QUEUED", limit: 100 }),
      ]);
      if (this.isConnected) this.take(running, paused, queued);
    } catch (error) {
      if (!(error instanceof Problem)) throw error; // the bar on top tells that nothing answers
    }
  }

  take(running, paused, queued) {
    const next = queued.items.sort((a, b) => a.queue_position - b.queue_position);
    const shown = [...running.items, ...next.slice(0, QUEUED_SHOWN), ...paused.items];
    for (const run of shown) putRun(run);
    this.ids = shown.map((run) => run.id);
    this.unwatch?.();
    this.unwatch = watch(
      this.ids.map((id) => `run:${id}`),
      () => this.show(),
    );
    const waiting = queued.total - Math.min(queued.total, QUEUED_SHOWN);
    this.more.hidden = waiting === 0;
    setText(
      this.more,
      `${integer(waiting)} more ${waiting === 1 ? "waits" : "wait"} in the queue.`,
    );
    this.show();
    this.idle.hidden = shown.length > 0;
  }

  show() {
    const runs = this.ids
      .map((id) => store.runs.get(id))
      .filter((run) => run && !ENDED.has(run.state));
    reconcile(
      this.cards,
      runs,
      (run) => run.id,
      () => h("run-card"),
    );
  }

  onKey(event) {
    if (!isForPage(event)) return;
    if (event.key === "/") this.table.focusFilter();
    else if (event.key === "j") this.table.move(1);
    else if (event.key === "k") this.table.move(-1);
    else if (event.key === "x") this.table.pickFocused();
    else if (event.key === "c") this.table.compare();
    else return;
    event.preventDefault();
  }
}

/** What a new user sees: what this is, and the quickest way to see it work. */
function emptyState() {
  const wrong = h("p", { class: "wrong", role: "alert" });
  const button = h("button", { type: "button", class: "button main" }, "Watch a network learn");
  button.addEventListener("click", async () => {
    button.disabled = true;
    setText(wrong, "");
    try {
      const { presets } = store.capabilities;
      const { request, title } = presets.find((preset) => preset.name === DEMO) ?? presets[0];
      const run = await api.create({ ...request, name: title });
      go(runPath(run.id));
    } catch (error) {
      button.disabled = false;
      setSentence(wrong, error.message);
    }
  });
  return h(
    "section",
    { class: "empty" },
    h("h2", {}, "Do networks learn, or memorise?"),
    h(
      "p",
      { class: "soft" },
      "Train a network on real CIFAR-10, then on the same images with random labels, and compare. The first run takes about a minute; the data set, up to 170 MB, is fetched once.",
    ),
    h(
      "div",
      { class: "actions" },
      button,
      h("a", { class: "button", href: "#/figures" }, "Reproduce the paper"),
      h("a", { class: "button", href: "#/launch" }, "Set up a run"),
    ),
    wrong,
  );
}

customElements.define("overview-view", OverviewView);
