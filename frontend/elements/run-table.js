/**
 * <run-table>: all runs, filtered, sorted and paged by the API; rows follow their runs.
 * What is asked for is kept in the address, so that it survives Back and can be passed on.
 */

import { api, Problem } from "../app/api.js";
import { debounce, h, reconcile, setAttribute, setSentence, setText } from "../app/dom.js";
import { integer, plural } from "../app/format.js";
import { icon } from "../app/icons.js";
import { MOST_PICKED, picked } from "../app/picked.js";
import { comparePath, currentRoute, go, rememberQuery } from "../app/router.js";
import { putRun, store, watch } from "../app/store.js";
import { MODELS, RANDOMIZATIONS } from "../app/catalogue.js";
import { choice, ENDED } from "../app/words.js";
import { cancelRuns } from "./cancel-runs.js";
import { LiveElement } from "./live-element.js";
import { COLUMNS, runRow } from "./run-row.js";

const PAGE = 25;
const DEFAULT_SORT = "-created_at";
const STATES = ["QUEUED", "RUNNING", "PAUSED", "SUCCEEDED", "FAILED", "CANCELLED"];
const FILTERS = ["q", "state", "model", "randomization"];

class RunTable extends LiveElement {
  build() {
    const { query } = currentRoute();
    this.sort = query.get("sort") ?? DEFAULT_SORT;
    this.offset = Math.max(0, Number.parseInt(query.get("offset") ?? "0", 10) || 0);
    const words = Object.fromEntries(STATES.map((s) => [s, s[0] + s.slice(1).toLowerCase()]));
    this.inputs = {
      q: h("input", { type: "search", placeholder: "Name or id", maxlength: "200" }),
      state: select("Any state", words),
      model: select("Any model", titles(MODELS)),
      randomization: select("Any data", titles(RANDOMIZATIONS)),
    };
    for (const name of FILTERS) this.inputs[name].value = query.get(name) ?? "";
    const labels = {
      q: "Filter by name or id",
      state: "State",
      model: "Model",
      randomization: "Data",
    };
    const filters = FILTERS.map((name) => {
      this.inputs[name].name = name;
      return h("label", {}, h("span", { class: "unseen" }, labels[name]), this.inputs[name]);
    });
    this.rows = h("tbody");
    this.head = h(
      "tr",
      {},
      COLUMNS.map((column) => this.heading(column)),
    );
    this.note = h("p", { class: "soft small", role: "status" });
    this.back = h(
      "button",
      { type: "button", class: "button tight", onclick: () => this.turn(-1) },
      "Previous",
    );
    this.next = h(
      "button",
      { type: "button", class: "button tight", onclick: () => this.turn(1) },
      "Next",
    );
    this.pickedWords = h("span", { class: "small", role: "status" });
    this.comparing = h(
      "button",
      { type: "button", class: "button tight main", onclick: () => this.compare() },
      "Compare",
    );
    this.cancelling = h("button", {
      type: "button",
      class: "button tight",
      onclick: () => this.cancelPicked(),
    });
    this.pickedBar = h(
      "div",
      { class: "picked-bar", hidden: true },
      this.pickedWords,
      this.comparing,
      this.cancelling,
      h(
        "button",
        { type: "button", class: "button tight", onclick: () => this.unpickAll() },
        "Clear",
      ),
    );
    this.wrong = h("p", { class: "wrong", role: "alert" });
    this.append(
      h(
        "div",
        { class: "section-head" },
        h("h2", {}, "Runs"),
        h(
          "form",
          { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() },
          filters,
        ),
      ),
      h(
        "div",
        { class: "card table-frame" },
        h(
          "table",
          { class: "runs" },
          h("caption", { class: "unseen" }, "Runs"),
          h("thead", {}, this.head),
          this.rows,
        ),
      ),
      this.wrong,
      this.pickedBar,
      h(
        "div",
        { class: "pager loading" },
        this.note,
        h("div", { class: "actions" }, this.back, this.next),
      ),
    );
  }

  start() {
    const soon = debounce(() => this.load(), 250, 1000);
    this.onEnd(soon.cancel);
    this.listen(this.querySelector(".filters"), "input", () => {
      this.offset = 0;
      soon();
    });
    this.listen(this.rows, "pick", ({ detail: id }) => this.pick(id));
    this.watch(["runs", "resync"], soon);
    this.loaded = this.load();
  }

  stop() {
    this.unwatch?.();
    this.request?.abort();
  }

  heading(column) {
    if (!column.sort) {
      const more = column.more && h("span", { class: "unseen" }, ` ${column.more}`);
      return h("th", { scope: "col", class: column.class }, column.label, more);
    }
    const button = h(
      "button",
      { type: "button", onclick: () => this.sortBy(column.sort) },
      column.label,
      h("span", { class: "arrow" }),
    );
    const heading = h("th", { scope: "col", class: column.class }, button);
    heading.dataset.sort = column.sort;
    return heading;
  }

  sortBy(key) {
    const falling = key === "created_at" || key === "epochs_done";
    const [first, second] = falling ? [`-${key}`, key] : [key, `-${key}`];
    this.sort = this.sort === first ? second : first;
    this.offset = 0;
    this.load();
  }

  turn(direction) {
    this.offset = Math.max(0, this.offset + direction * PAGE);
    this.load();
  }

  /** What is asked of the API; empty filters are left out. */
  query() {
    const filters = FILTERS.map((name) => [name, this.inputs[name].value.trim()]);
    return filters.filter(([, value]) => value);
  }

  async load() {
    this.request?.abort();
    const request = (this.request = new AbortController());
    const filters = this.query();
    const paging = [
      ["sort", this.sort],
      ["limit", PAGE],
      ["offset", this.offset],
    ];
    rememberQuery([
      ...filters,
      ["sort", this.sort === DEFAULT_SORT ? "" : this.sort],
      ["offset", this.offset || ""],
    ]);
    try {
      this.show(await api.runs([...filters, ...paging], request.signal), filters.length > 0);
    } catch (error) {
      if (error instanceof Problem) setSentence(this.note, error.message);
      else if (error.name !== "AbortError") throw error;
    }
  }

  show(page, filtered) {
    for (const run of page.items) putRun(run);
    this.ids = page.items.map((run) => run.id);
    this.total = page.total;
    this.unwatch?.();
    this.unwatch = watch(
      this.ids.map((id) => `run:${id}`),
      () => this.showRows(),
    );
    this.querySelector(".pager").classList.remove("loading");
    this.showRows();
    for (const heading of this.head.children) this.markSorted(heading);
    const last = this.offset + page.items.length;
    const nothing = filtered ? "No run fits this filter." : "No runs yet.";
    const range =
      page.total > PAGE
        ? `${integer(this.offset + 1)}–${integer(last)} of ${integer(page.total)} runs`
        : plural(page.total, "run");
    setText(
      this.note,
      page.total === 0 ? nothing : page.items.length ? range : "This page is empty.",
    );
    this.back.hidden = this.next.hidden = page.total <= PAGE && this.offset === 0;
    this.back.disabled = this.offset === 0;
    this.next.disabled = last >= page.total;
    this.dispatchEvent(new CustomEvent("loaded", { detail: { total: page.total, filtered } }));
  }

  showRows() {
    const runs = this.ids.map((id) => store.runs.get(id)).filter(Boolean);
    reconcile(this.rows, runs, (run) => run.id, runRow);
    this.showPicked();
  }

  markSorted(heading) {
    const { sort } = heading.dataset;
    if (!sort) return;
    const direction = { [sort]: "ascending", [`-${sort}`]: "descending" }[this.sort];
    setAttribute(heading, "aria-sort", direction);
    const arrow = heading.querySelector(".arrow");
    arrow.replaceChildren(
      ...(direction ? [icon(direction === "ascending" ? "up" : "down", 11)] : []),
    );
  }

  /** Select a run to be compared, or no longer. */
  pick(id) {
    this.full = picked.size >= MOST_PICKED && !picked.has(id);
    if (!this.full && !picked.delete(id)) picked.add(id);
    this.showRows();
  }

  unpickAll() {
    picked.clear();
    this.full = false;
    this.showRows();
    this.focusFilter(); // the button that was pressed goes away
  }

  /** The selected runs that have not ended. */
  get cancellable() {
    return [...picked].filter((id) => !ENDED.has(store.runs.get(id)?.state ?? "CANCELLED"));
  }

  showPicked() {
    const n = picked.size;
    const active = this.cancellable.length;
    this.pickedBar.hidden = n === 0;
    this.comparing.disabled = n < 2;
    this.cancelling.hidden = active === 0;
    setText(this.cancelling, `Cancel ${plural(active, "run")}`);
    const rest = this.full ? `: no more than ${MOST_PICKED}` : n === 1 ? ": one more to compare" : "";
    setText(this.pickedWords, `${plural(n, "run")} selected${rest}`);
  }

  async cancelPicked() {
    setText(this.wrong, "");
    try {
      await cancelRuns(this.cancellable);
    } catch (error) {
      setSentence(this.wrong, error.message);
    }
  }

  compare() {
    if (picked.size > 1) go(comparePath([...picked]));
  }

  /** Select the run whose row has the focus. */
  pickFocused() {
    const row = [...this.rows.children].find((one) => one.contains(document.activeElement));
    if (row) this.pick(row.dataset.key);
  }

  focusFilter() {
    this.inputs.q.focus();
  }

  /** Move the focus by `step` rows. */
  move(step) {
    const rows = [...this.rows.children];
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    rows[Math.min(Math.max(at + step, 0), rows.length - 1)]?.focusLink();
  }
}

const titles = (known) =>
  Object.fromEntries(Object.keys(known).map((name) => [name, choice(name)]));

function select(any, words) {
  const options = Object.entries(words).map(([value, word]) => h("option", { value }, word));
  return h("select", {}, h("option", { value: "" }, any), options);
}

customElements.define("run-table", RunTable);
