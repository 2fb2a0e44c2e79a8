/** <machine-chip>: who trains, on what, and why. */

import { h, reconcile, setText } from "../app/dom.js";
import { bytes } from "../app/format.js";
import { icon } from "../app/icons.js";
import { runPath } from "../app/router.js";
import { store } from "../app/store.js";
import { LiveElement } from "./live-element.js";

class MachineChip extends LiveElement {
  build() {
    this.word = h("span");
    this.list = h("div");
    const chip = h("summary", {}, icon("worker"), this.word);
    this.append(h("details", { class: "pop" }, chip, h("div", {}, this.list)));
  }

  start() {
    this.watch(["workers", "heartbeats"], () => this.show());
    this.show();
  }

  show() {
    const { workers } = store;
    const live = workers.filter((worker) => worker.state !== "lost");
    setText(this.word, store.capabilities ? summary(live) : "…");
    const shown = workers.length ? workers : [{ id: "none" }];
    reconcile(this.list, shown, (worker) => worker.id, entry);
  }
}

/** "CPU", "2 × CUDA", "CUDA + CPU", "No worker" */
function summary(workers) {
  if (workers.length === 0) return "No worker";
  const counts = new Map();
  for (const { device } of workers) counts.set(device, (counts.get(device) ?? 0) + 1);
  const kinds = [...counts].map(([device, n]) => {
    const name = (device ?? "cpu").toUpperCase();
    return n > 1 ? `${n} × ${name}` : name;
  });
  return kinds.join(" + ");
}

function entry(worker) {
  const node = h("div", { class: "worker" });
  if (worker.id === "none") {
    node.append(
      h(
        "p",
        {},
        "No worker is there; runs wait until one is. ",
        h("code", {}, "rethink worker"),
        " starts one.",
      ),
    );
    node.update = () => {};
    return node;
  }
  node.update = (now) => {
    const facts = [
      ["Device", (now.device ?? "cpu").toUpperCase()],
      ["Why", now.device_reason],
      ["Precision", now.precision_reason ?? now.precision],
      ["Threads", now.threads],
      ["Side by side", now.workers_reason],
      ["Memory", now.memory_bytes && bytes(now.memory_bytes)],
      ["Busy cores", now.utilization?.toFixed(1)],
    ];
    const doing =
      now.run_id && now.state === "busy"
        ? h("a", { href: runPath(now.run_id) }, "training")
        : { idle: "idle", busy: "busy", lost: "lost: its runs go back to the queue" }[now.state];
    node.replaceChildren(
      h("h3", {}, now.host, " · ", doing),
      h(
        "dl",
        {},
        facts
          .filter(([, value]) => value)
          .map(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))]),
      ),
    );
  };
  return node;
}

customElements.define("machine-chip", MachineChip);
