/** The plan of a study before it is launched: its runs, its time, what differs from the paper. */

import { api, Problem } from "../app/api.js";
import { h, setSentence, setText, withCode } from "../app/dom.js";
import { integer, plural, roughly, sentence, span } from "../app/format.js";
import { selectionWords } from "../app/selection.js";
import { titleOf } from "../app/catalogue.js";
import { dataTable } from "./data-table.js";

const ACTIONS = { reuse: "complete", extend: "to be extended", new: "new" };

/** Show the plan of `request`; on yes launch it and call `onLaunched(study)`. */
export function showPlan(request, onLaunched) {
  const heading = h("h2", { id: "plan-title" }, "Working out the plan …");
  const words = h("p", { class: "soft small" }, sentence(selectionWords(request)));
  const body = h("div", { class: "plan", "aria-live": "polite" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const launch = h("button", { class: "button main", disabled: true }, "Launch");
  const close = h("button", { type: "button", class: "button" }, "Cancel");
  const asking = new AbortController();
  const submit = async (event) => {
    event.preventDefault();
    launch.disabled = true;
    try {
      const study = await api.launchStudy(request);
      dialog.close();
      onLaunched(study);
    } catch (error) {
      setSentence(wrong, error.message);
      launch.disabled = false;
    }
  };
  const dialog = h(
    "dialog",
    { class: "wide-dialog", "aria-labelledby": "plan-title", onclose: () => end() },
    h(
      "form",
      { onsubmit: submit },
      h("header", {}, heading, words),
      body,
      wrong,
      h("div", { class: "actions" }, close, launch),
    ),
  );
  const end = () => {
    asking.abort();
    dialog.remove();
  };
  close.addEventListener("click", () => dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  close.focus();
  load();

  async function load() {
    try {
      const plan = await api.plan(request, asking.signal);
      const left = plan.new + plan.extended;
      setText(heading, plan.title);
      body.replaceChildren(...told(plan));
      setText(launch, left ? `Launch ${plural(left, "run")}` : "Nothing is left to train");
      launch.disabled = left === 0;
      if (left) launch.focus();
      else setText(close, "Close");
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof Problem)) throw error;
      setText(heading, "There is no plan");
      setSentence(wrong, error.message);
    }
  }
}

function told(plan) {
  const { seconds, low_seconds: low, high_seconds: high, sharing } = plan;
  const left = plan.new + plan.extended;
  const facts = [
    ["Runs needed", integer(plan.runs_needed)],
    ["Complete already", integer(plan.reused)],
    ["Too short or unfinished: to be extended", integer(plan.extended)],
    ["New", integer(plan.new)],
    ["Epochs to train", integer(plan.epochs)],
    ["Images to process", integer(plan.images)],
    ["Workers", integer(plan.workers)],
    ["Runs ahead in the queue", plan.ahead ? plural(plan.ahead, "run") : "none"],
  ];
  return [
    h(
      "p",
      { class: "estimate" },
      left ? `About ${roughly(seconds)} (${span(low, high)})` : "All runs are there",
    ),
    h("p", { class: "soft small" }, `${sentence(plan.basis)}`),
    h(
      "dl",
      { class: "plan-facts" },
      facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    ),
    sharing.runs > 0 &&
      h(
        "p",
        { class: "small" },
        `Planned together, the figures share runs: that saves ${plural(sharing.runs, "run")}, ` +
          `${plural(sharing.epochs, "epoch")} and about ${roughly(sharing.seconds)}.`,
      ),
    plan.deviations.length > 0 &&
      h(
        "details",
        { open: plan.deviations.length <= 4 },
        h("summary", { class: "small" }, `What differs from the paper (${plan.deviations.length})`),
        h(
          "ul",
          { class: "said small soft" },
          plan.deviations.map((text) => h("li", {}, withCode(text))),
        ),
      ),
    h(
      "details",
      {},
      h("summary", { class: "small" }, "The runs, in the order of training"),
      runTable(plan.runs),
    ),
  ].filter(Boolean);
}

/** The series of a grid of one's own is made of names, which stay as they are. */
function seriesOf({ series, panels }) {
  const title = titleOf(series);
  return panels.includes("custom") || title !== series ? title : title.replaceAll("_", " ");
}

function runTable(runs) {
  const heads = ["Run", "Model", "Seed", "Now", "Epochs", "Time"];
  const row = (run) => {
    const p = run.corruption === null ? "" : `, p = ${run.corruption}`;
    const model = titleOf(run.model);
    const series = run.series === run.model ? "" : seriesOf(run);
    const what = (series + p).replace(/^, /, "");
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, `${run.panels.join(", ")}: ${what || model}`),
      h("td", {}, model),
      h("td", { class: "right" }, String(run.seed)),
      h("td", {}, ACTIONS[run.action]),
      h("td", { class: "right" }, integer(run.epochs)),
      h("td", { class: "right" }, run.epochs ? roughly(run.seconds) : "–"),
    );
  };
  const isNumber = (head) => ["Seed", "Epochs", "Time"].includes(head);
  return h(
    "div",
    { class: "scroll", tabindex: "0", "aria-label": "The runs of the plan" },
    dataTable(
      heads.map((head) => [head, isNumber(head) ? "right" : null]),
      runs.map(row),
    ),
  );
}
