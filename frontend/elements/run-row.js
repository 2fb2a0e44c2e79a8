/** A row of the table of runs: a <tr> that follows its run. */

import { h, setAttribute, setText } from "../app/dom.js";
import { clock, integer, moment, percent } from "../app/format.js";
import { randomizationColour } from "../app/palette.js";
import { picked } from "../app/picked.js";
import { runPath } from "../app/router.js";
import { titleOf } from "../app/catalogue.js";
import { randomization, runTitle } from "../app/words.js";
import "./state-badge.js";

/** The columns: heading, the rest of it for screen readers, sort key of the API, class. */
export const COLUMNS = [
  { label: "State", sort: "state" },
  { label: "Run", sort: "name" },
  { label: "Model", sort: "model" },
  { label: "Data" },
  { label: "Epochs", sort: "epochs_done", class: "right" },
  { label: "Train", more: "accuracy", class: "right" },
  { label: "Test", more: "accuracy", class: "right" },
  { label: "Created", sort: "created_at", class: "right" },
];

/** A row that shows `run`, and what it becomes: `update(run)`. Emits `pick` with its id. */
export function runRow() {
  const state = h("state-badge");
  const box = h("input", { type: "checkbox", class: "pick" });
  box.onchange = () =>
    row.dispatchEvent(new CustomEvent("pick", { detail: row.dataset.key, bubbles: true }));
  const link = h("a", { class: "name" });
  const swatch = h("span", { class: "swatch", "aria-hidden": "true" });
  const data = h("span");
  const bar = h("progress", { max: "1", "aria-hidden": "true" });
  const texts = COLUMNS.map(() => h("span"));
  const contents = [[box, state], link, texts[2], [swatch, data], [texts[4], bar], ...texts.slice(5)];
  const cells = COLUMNS.map((column, i) =>
    h("td", { class: column.class, "data-label": column.label }, contents[i]),
  );
  const row = h("tr", {}, cells);
  const time = cells[7];

  row.update = (run) => {
    state.update(run);
    box.checked = picked.has(run.id);
    setAttribute(box, "aria-label", `Select ${runTitle(run)}`);
    setText(link, runTitle(run));
    setAttribute(link, "href", runPath(run.id));
    setText(texts[2], titleOf(run.spec.model));
    swatch.style.background = randomizationColour(run.spec);
    const images = run.spec.n_train ? `, ${integer(run.spec.n_train)}` : "";
    setText(data, run.unknown_spec ?? randomization(run.spec) + images);
    setAttribute(cells[3], "title", data.textContent);
    const all = run.epochs_done === run.epochs ? "" : ` / ${integer(run.epochs)}`;
    setText(texts[4], integer(run.epochs_done) + all);
    bar.hidden = run.state !== "RUNNING";
    bar.value = run.fraction ?? 0;
    setText(texts[5], percent(run.latest?.train_accuracy));
    setText(texts[6], percent(run.latest?.test_accuracy));
    setText(texts[7], clock(new Date(run.created_at)));
    setAttribute(time, "title", moment(run.created_at));
  };
  row.focusLink = () => link.focus();
  return row;
}
