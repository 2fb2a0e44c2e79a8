/** <attempt-list>: provenance: every turn a worker took at the run, and what it ran on. */

import { api } from "../app/api.js";
import { h, setText } from "../app/dom.js";
import { duration, integer, moment } from "../app/format.js";
import { copyBlock } from "./copy-block.js";
import { LiveElement } from "./live-element.js";
import { placeOf } from "./study-list.js";

class AttemptList extends LiveElement {
  build() {
    this.list = h("ol", { class: "attempts" });
    this.dates = h("dl", { class: "facts-list" });
    this.append(h("h2", {}, "Provenance"), this.dates, this.list);
    if (this.run) this.show();
  }

  update(run) {
    this.run = run;
    const key = JSON.stringify([run.attempts, run.demands, run.started_at, run.finished_at]);
    if (this.key === key) return;
    this.key = key;
    if (this.isBuilt) this.show();
  }

  show() {
    const { run } = this;
    const dates = [
      ["Created", moment(run.created_at)],
      ["Started", moment(run.started_at)],
      ["Ended", moment(run.finished_at)],
      ["Asked for by", askers(run)],
    ];
    this.dates.replaceChildren(
      ...dates.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    );
    const attempts = run.attempts ?? [];
    this.list.replaceChildren(
      ...(attempts.length
        ? attempts.map(attempt)
        : [h("li", { class: "soft" }, "No worker has taken it yet.")]),
    );
  }
}

/** Who asked for the run: each study as a link, with its title once that is known. */
function askers({ demands }) {
  const owners = demands.map(({ owner }) => owner.replace(/^(study:\w+).*/, "$1"));
  const entries = [...new Set(owners)].map((owner) => {
    if (owner === "launch") return h("li", {}, "a launch");
    const link = h("a", { href: "#/figures" }, "a study");
    api.study(owner.slice(6)).then(
      (study) => {
        setText(link, study.title);
        link.href = placeOf(study);
      },
      () => {}, // deleted since, or no answer: the link leads to all studies
    );
    return h("li", {}, link);
  });
  return entries.length ? h("ul", { class: "askers" }, entries) : "nobody any more";
}

function attempt({
  attempt: n,
  worker_id: worker,
  started_at: start,
  ended_at: end,
  outcome,
  provenance,
}) {
  const lasted = end ? duration((new Date(end) - new Date(start)) / 1000) : "going on";
  const head = h(
    "p",
    {},
    h("strong", {}, `Attempt ${n}`),
    ` · ${outcome ?? "training"} · ${lasted} · `,
    h("span", { class: "mono" }, worker),
  );
  if (!provenance) return h("li", {}, head);
  const block = copyBlock(`Provenance of attempt ${n} as JSON`);
  block.update(JSON.stringify(provenance, null, 2));
  const facts = told(provenance).filter(([, value]) => value);
  return h(
    "li",
    {},
    head,
    h(
      "dl",
      { class: "facts-list" },
      facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    ),
    h("details", {}, h("summary", { class: "small soft" }, "All that was recorded"), block),
  );
}

/** The facts that a reader compares first. */
function told(provenance) {
  const { versions = {}, numerics = {} } = provenance;
  const named = ["rethink", "torch", "numpy", "python"].filter((name) => versions[name]);
  const device = [(provenance.device ?? "").toUpperCase(), provenance.name]
    .filter(Boolean)
    .join(", ");
  return [
    ["Device", device],
    ["Threads", numerics.threads && integer(numerics.threads)],
    ["Precision", provenance.precision_reason ?? provenance.precision],
    ["Versions", named.map((name) => `${name} ${versions[name]}`).join(", ")],
    ["Data from", provenance.data_source?.source],
    ["Data fingerprint", short(provenance.data_fingerprint)],
    ["Randomization", short(provenance.randomization_fingerprint)],
    ["Wrong labels", provenance.wrong_labels !== undefined && integer(provenance.wrong_labels)],
    ["First step", provenance.first_step ? integer(provenance.first_step) : null],
    ...(provenance.passed_over ?? []).map(({ checkpoint, reason }) => [
      "Checkpoint passed over",
      `${checkpoint}: ${reason}`,
    ]),
  ];
}

function short(hash) {
  return hash && h("span", { class: "mono", title: hash }, `${String(hash).slice(0, 16)}…`);
}

customElements.define("attempt-list", AttemptList);
