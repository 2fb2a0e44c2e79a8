/** <run-actions>: what can be done with a run in its state. */

import { api } from "../app/api.js";
import { h, setSentence, setText } from "../app/dom.js";
import { integer } from "../app/format.js";
import { comparePath, go } from "../app/router.js";
import { putRun } from "../app/store.js";
import { ENDED, runTitle } from "../app/words.js";
import { ask } from "./ask-dialog.js";
import { cancelRuns, studiesOf } from "./cancel-runs.js";

class RunActions extends HTMLElement {
  connectedCallback() {
    if (this.buttons) return;
    this.buttons = h("div", { class: "actions" });
    this.wrong = h("p", { class: "wrong", role: "alert" });
    this.append(this.buttons, this.wrong);
  }

  update(run) {
    this.run = run;
    const { state, outcome, cancel_requested: cancelling, pause_requested: pausing } = run;
    const key = [state, outcome, cancelling, pausing, studiesOf(run)].join();
    if (this.shown === key) return; // buttons that stay the same keep the focus
    this.shown = key;
    const focused = document.activeElement?.dataset?.action;
    this.buttons.replaceChildren(...this.offered(run));
    if (focused && !this.contains(document.activeElement)) {
      (
        this.buttons.querySelector(`[data-action="${focused}"]`) ?? this.buttons.firstChild
      )?.focus();
    }
  }

  offered(run) {
    const ended = ENDED.has(run.state);
    const running = run.state === "RUNNING";
    const { cancel_requested: cancelling, pause_requested: pausing } = run;
    return [
      run.state === "PAUSED" && this.button("resume", "Resume", { main: true }),
      running && pausing && this.button("resume", "Resume", { disabled: cancelling }),
      (running || run.state === "QUEUED") &&
        !pausing &&
        this.button("pause", "Pause", { disabled: cancelling }),
      !ended &&
        this.button("cancel", studiesOf(run).length ? "Cancel…" : "Cancel", { disabled: cancelling }),
      ["FAILED", "CANCELLED"].includes(run.state) && this.button("retry", "Retry", { main: true }),
      run.outcome !== "diverged" &&
        h(
          "button",
          {
            type: "button",
            class: "button",
            "data-action": "extend",
            onclick: () => this.extend(),
          },
          "Extend…",
        ),
      run.state === "QUEUED" &&
        h(
          "button",
          {
            type: "button",
            class: "button",
            "data-action": "priority",
            onclick: () => this.prioritise(),
          },
          "Priority…",
        ),
      h("a", { class: "button", href: comparePath([run.id]) }, "Compare with…"),
      h("a", { class: "button", href: `#/launch?from=${encodeURIComponent(run.id)}` }, "Clone"),
      !running &&
        h(
          "button",
          {
            type: "button",
            class: "button danger",
            "data-action": "delete",
            onclick: () => this.askToDelete(),
          },
          "Delete…",
        ),
    ].filter(Boolean);
  }

  button(name, word, { main = false, disabled = false } = {}) {
    const act = async () => {
      setText(this.wrong, "");
      try {
        if (name === "cancel") await cancelRuns([this.run.id]);
        else putRun(await api.act(this.run.id, name));
      } catch (error) {
        setSentence(this.wrong, error.message);
      }
    };
    const style = main ? "button main" : "button";
    return h(
      "button",
      { type: "button", class: style, disabled, "data-action": name, onclick: act },
      word,
    );
  }

  extend() {
    const { id, epochs } = this.run;
    ask({
      title: "Extend the run",
      text: "It goes on from its newest checkpoint; what it has so far stays as it is.",
      yes: "Extend",
      input: { label: "Epochs in all", value: String(2 * epochs), inputmode: "numeric" },
      act: async (text) => putRun(await api.extend(id, asNumber(text))),
    });
  }

  prioritise() {
    const { id, priority } = this.run;
    ask({
      title: "Priority in the queue",
      text: "From -100 to 100. Runs of higher priority are trained first.",
      yes: "Set",
      input: { label: "Priority", value: String(priority), inputmode: "numeric" },
      act: async (text) => putRun(await api.prioritise(id, asNumber(text))),
    });
  }

  askToDelete() {
    const { run } = this;
    const has = run.epochs_done === 1 ? "1 epoch" : `${integer(run.epochs_done)} epochs`;
    ask({
      title: "Delete this run?",
      text: `“${runTitle(run)}”, its metrics (${has}) and its checkpoints are deleted for good.`,
      yes: "Delete",
      danger: true,
      act: async () => {
        await api.remove(run.id);
        go("#/");
      },
    });
  }
}

/** Text that is no number is sent as it is: the server then says what is allowed. */
function asNumber(text) {
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

customElements.define("run-actions", RunActions);
