/** <launch-view>: a preset or a run to start from, the form, what it will cost, and go. */

import { api, Problem } from "../app/api.js";
import { debounce, h, setSentence, setText, withCode } from "../app/dom.js";
import { loadRun } from "../app/feed.js";
import { requestFrom } from "../app/request-fields.js";
import { go, runPath } from "../app/router.js";
import { store } from "../app/store.js";
import { runTitle } from "../app/words.js";
import { copyBlock } from "../elements/copy-block.js";
import "../elements/estimate-line.js";
import "../elements/grid-form.js";
import { LiveElement } from "../elements/live-element.js";
import { presetCards } from "../elements/preset-cards.js";
import "../elements/run-form.js";

class LaunchView extends LiveElement {
  build() {
    document.title = "Launch · Rethink";
    this.append(h("h1", {}, "Launch a run"));
  }

  start() {
    const { presets } = store.capabilities;
    this.form = h("run-form");
    this.origin = h("p", { class: "soft small origin", role: "status" });
    this.choices = h("ul", { class: "said" });
    this.settled = h(
      "details",
      { class: "small soft", hidden: true },
      h("summary", {}, "What the paper leaves open, what is chosen here, and why"),
      this.choices,
    );
    this.cards = presetCards(presets, (preset) => this.take(preset));
    this.estimate = h("estimate-line");
    this.wrong = h("p", { class: "wrong", role: "alert" });
    this.button = h("button", { class: "button main wide" }, "Launch");
    this.grid = h("grid-form");
    this.grid.requestOf = () => this.form.request;
    this.json = copyBlock("The request as JSON");
    this.curl = copyBlock("The request as a curl command");
    this.append(
      h("section", { class: "presets", "aria-label": "Start from a preset" }, this.cards),
      h(
        "form",
        { class: "launch", novalidate: true, onsubmit: (event) => this.submit(event) },
        h("div", { class: "launch-fields" }, this.origin, this.settled, this.form),
        h(
          "aside",
          { class: "card launch-panel", "aria-label": "Launch" },
          this.estimate,
          this.wrong,
          this.button,
          this.grid,
        ),
        h(
          "section",
          { class: "as-code" },
          h("details", {}, h("summary", { class: "small soft" }, "Show as JSON"), this.json),
          h("details", {}, h("summary", { class: "small soft" }, "Show as curl"), this.curl),
        ),
      ),
    );
    this.ask = debounce(() => this.askForEstimate(), 350);
    this.onEnd(() => this.ask.cancel());
    this.watch(["resync"], () => (this.lacking ? this.begin(presets) : this.ask()));
    this.form.addEventListener("change-request", () => this.changed());
    this.begin(presets);
  }

  stop() {
    this.asking?.abort();
  }

  async begin(presets) {
    const from = this.query.get("from");
    const named = presets.find(({ name }) => name === this.query.get("preset"));
    let wrong = "";
    if (from) {
      try {
        const run = store.runs.get(from) ?? (await loadRun(from));
        this.form.fill(requestFrom(run));
        this.lacking = false;
        setText(this.origin, `Filled in from “${runTitle(run)}”. Change what should differ.`);
        return;
      } catch (error) {
        wrong = error.message;
        this.lacking = error.status === 0;
      }
    }
    this.take(named ?? presets[0]);
    this.cards.choose((named ?? presets[0]).name);
    setSentence(this.origin, wrong);
  }

  take(preset) {
    setText(this.origin, "");
    this.choices.replaceChildren(...preset.choices.map((choice) => h("li", {}, withCode(choice))));
    this.settled.hidden = false;
    this.form.fill(preset.request);
  }

  changed() {
    const { request } = this.form;
    setText(this.wrong, "");
    this.json.update(JSON.stringify(request, null, 2));
    this.curl.update(curl(request));
    this.estimate.wait();
    this.ask();
  }

  async askForEstimate() {
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    try {
      const estimate = await api.estimate(this.form.request, asking.signal);
      this.form.complain([]);
      this.estimate.update(estimate);
      setText(this.button, this.estimate.verb);
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof Problem)) throw error;
      this.complain(error);
    }
  }

  async submit(event) {
    event.preventDefault();
    this.ask.cancel();
    this.asking?.abort();
    this.button.disabled = true;
    try {
      const run = await api.create(this.form.request);
      go(runPath(run.id));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.complain(error);
      this.form.focusFirstWrong();
    } finally {
      this.button.disabled = false;
    }
  }

  complain(problem) {
    this.estimate.clear();
    setText(this.button, this.estimate.verb);
    const rest = this.form.complain(problem.errors);
    const n = problem.errors.length - rest.length;
    const fields =
      n === 1
        ? "A value is not allowed: see the field marked."
        : `${n} values are not allowed: see the fields marked.`;
    const others = problem.errors.length ? rest.join("; ") : problem.message;
    setSentence(this.wrong, [n ? fields : "", others].filter(Boolean).join(" "));
  }
}

function curl(request) {
  const body = JSON.stringify(request).replaceAll("'", "'\\''");
  return [
    `curl -X POST ${location.origin}/api/v1/runs`,
    '  -H "Authorization: Bearer $(rethink token)"',
    '  -H "Content-Type: application/json"',
    `  -d '${body}'`,
  ].join(" \\\n");
}

customElements.define("launch-view", LaunchView);
