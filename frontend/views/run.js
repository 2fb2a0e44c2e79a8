/** <run-view>: one run: where it stands, its curves as they grow, what it is, how it came about. */

import { api, Problem } from "../app/api.js";
import { accuracyChart, lossChart } from "../app/curves.js";
import { debounce, h, setSentence, setText, withCode } from "../app/dom.js";
import { completeCurve, loadRun } from "../app/feed.js";
import { percent } from "../app/format.js";
import { isForPage } from "../app/keyboard.js";
import { rememberQuery } from "../app/router.js";
import { curveOf, store } from "../app/store.js";
import { runSummary, runTitle, standing } from "../app/words.js";
import { LiveElement } from "../elements/live-element.js";
import "../elements/attempt-list.js";
import { downloadLinks } from "../elements/download-links.js";
import "../elements/metric-chart.js";
import "../elements/run-actions.js";
import "../elements/run-progress.js";
import { segments } from "../elements/segments.js";
import "../elements/spec-list.js";
import "../elements/state-badge.js";

const AXES = { epoch: "Epochs", step: "Steps", seconds: "Seconds" };
const PREFERENCES = "rethink-chart";

class RunView extends LiveElement {
  build() {
    const kept = { ...preferences(), ...Object.fromEntries(this.query) };
    this.axis = kept.axis in AXES ? kept.axis : "epoch";
    this.log = String(kept.log) === "true";
    this.heading = h("h1");
    this.state = h("state-badge");
    this.summary = h("p", { class: "soft" });
    this.bar = h("run-progress");
    this.actions = h("run-actions");
    this.unknown = h("p", { class: "notice warn", hidden: true });
    this.failure = h("div", { class: "notice", hidden: true });
    this.lossChart = h("metric-chart", { class: "card", "data-name": "loss" });
    this.accuracyChart = h("metric-chart", { class: "card", "data-name": "accuracy" });
    this.spec = h("spec-list", { class: "card" });
    this.attempts = h("attempt-list", { class: "card" });
    this.body = h(
      "article",
      { class: "run", hidden: true },
      h(
        "header",
        { class: "run-head" },
        h("div", { class: "title-line" }, this.heading, this.state),
        this.summary,
        this.bar,
        this.actions,
      ),
      this.unknown,
      this.failure,
      h("div", { class: "chart-bar" }, this.axisChoice(), this.downloads()),
      h("div", { class: "charts" }, this.lossChart, this.accuracyChart),
      h("div", { class: "facts" }, this.spec, this.attempts),
    );
    this.wrong = h("p", { class: "notice bad", role: "alert", hidden: true });
    this.append(this.wrong, this.body);
    this.logBox = h("input", {
      type: "checkbox",
      checked: this.log,
      onchange: () => this.setLog(this.logBox.checked),
    });
    this.lossChart.addEventListener("hover", ({ detail }) => this.accuracyChart.point(detail));
    this.accuracyChart.addEventListener("hover", ({ detail }) => this.lossChart.point(detail));
  }

  start() {
    this.lossChart.tools.replaceChildren(
      h("label", { class: "check small", title: "Key: l" }, this.logBox, "log"),
    );
    this.watch(["resync"], () => this.load());
    const moved = debounce(() => this.reloadIfQueued(), 300, 2000);
    this.onEnd(moved.cancel);
    this.watch(["runs"], moved);
    this.listen(document, "keydown", (event) => {
      if (event.key === "l" && isForPage(event)) this.setLog(!this.log);
    });
    this.load();
  }

  async load() {
    try {
      const run = await loadRun(this.runId);
      if (!this.isConnected) return;
      this.wrong.hidden = true;
      this.follow(run.id); // the address may hold only the first digits of it
      completeCurve(run.id);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (!this.isConnected) return;
      if (error.status === 404) {
        const lost = h("lost-view");
        lost.reason = error.message;
        this.replaceChildren(lost);
      }
      this.wrong.hidden = error.status === 0; // told on top
      setSentence(this.wrong, error.message);
    }
  }

  /** Others that start or end move it in the queue, which no event of its own tells. */
  reloadIfQueued() {
    if (store.runs.get(this.followed)?.state === "QUEUED") loadRun(this.followed).catch(() => {});
  }

  follow(id) {
    if (this.followed !== id) {
      this.followed = id;
      this.watch([`run:${id}`], () => this.show());
      this.watch([`curve:${id}`], () => this.showCurves());
    }
    this.show();
    this.showCurves();
  }

  show() {
    const run = store.runs.get(this.followed);
    if (!run) {
      this.replaceChildren(h("lost-view"));
      return;
    }
    const { word } = standing(run);
    const far =
      run.state === "RUNNING" && run.fraction !== null ? ` ${percent(run.fraction, 0)}` : "";
    document.title = `${runTitle(run)} · ${word.toLowerCase()}${far} · Rethink`;
    this.body.hidden = false;
    setText(this.heading, runTitle(run));
    setText(this.summary, runSummary(run));
    this.state.update(run);
    this.bar.update(run);
    this.actions.update(run);
    this.spec.update(run);
    this.attempts.update(run);
    this.csv.href = api.metricsUrl(run.id, "csv");
    this.json.href = api.metricsUrl(run.id, "json");
    this.csv.download = `rethink-${run.id}.csv`;
    this.json.download = `rethink-${run.id}.json`;
    this.unknown.hidden = !run.unknown_spec;
    setText(this.unknown, `This run is ${run.unknown_spec}.`);
    this.showFailure(run);
    if (run.state !== this.shownState) this.showCurves();
    this.shownState = run.state;
  }

  showFailure(run) {
    const failed = run.state === "FAILED" || (run.state === "PAUSED" && run.error);
    const diverged = run.outcome === "diverged";
    this.failure.hidden = !failed && !diverged;
    if (this.failure.hidden) return;
    this.failure.className = failed ? "notice bad" : "notice warn";
    const message = run.error?.message ?? "No reason was recorded.";
    const said = diverged
      ? `The loss became infinite: that is this run's result. ${message}`
      : message;
    const detail = run.error?.detail;
    this.failure.replaceChildren(
      h("p", {}, withCode(said)),
      ...(detail
        ? [
            h(
              "details",
              {},
              h("summary", { class: "small" }, "Details"),
              h("pre", { tabindex: "0" }, detail),
            ),
          ]
        : []),
    );
  }

  showCurves() {
    const run = store.runs.get(this.followed);
    if (!run) return;
    const curve = curveOf(run.id);
    const { axis, log } = this;
    this.lossChart.update({ chart: lossChart(run), run, curve, axis, log });
    this.accuracyChart.update({ chart: accuracyChart(run, curve), run, curve, axis, log: false });
  }

  setLog(log) {
    this.log = this.logBox.checked = log;
    this.remember();
  }

  remember() {
    rememberQuery([["axis", this.axis], ["log", this.log ? "true" : "false"]]);
    try {
      localStorage.setItem(PREFERENCES, JSON.stringify({ axis: this.axis, log: this.log }));
    } catch {
      // Storage may be forbidden: the choice then lasts until the page is closed.
    }
    this.showCurves();
  }

  axisChoice() {
    return segments({
      legend: "Horizontal axis",
      name: "axis",
      options: AXES,
      value: this.axis,
      onChoose: (axis) => {
        this.axis = axis;
        this.remember();
      },
    });
  }

  downloads() {
    const node = downloadLinks([
      { word: "CSV", label: "Download the metrics as CSV" },
      { word: "JSON", label: "Download the metrics as JSON" },
    ]);
    [this.csv, this.json] = node.links;
    return node;
  }
}

function preferences() {
  try {
    return JSON.parse(localStorage.getItem(PREFERENCES)) ?? {};
  } catch {
    return {};
  }
}

customElements.define("run-view", RunView);
