/**
 * <grid-form>: a grid of runs on top of the launch form: values of one or two fields, times seeds.
 * `requestOf()` gives the form's request. Shows the plan before anything is launched.
 */

import { comparison } from "../app/catalogue.js";
import { h, setText } from "../app/dom.js";
import { fieldsOf } from "../app/request-fields.js";
import { go, panelPath } from "../app/router.js";
import { MAX_SEEDS } from "../app/selection.js";
import { store } from "../app/store.js";
import { fieldLabel } from "../app/words.js";
import { LiveElement } from "./live-element.js";
import { showPlan } from "./plan-dialog.js";

const AXES = 2;
const UNVARIED = ["spec.seed", "spec.data_seed", "spec.replicate", "spec.dataset", "spec.engine"];

class GridForm extends LiveElement {
  build() {
    const all = fieldsOf(store.capabilities.run_schema);
    const fields = all.filter(({ path }) => path.startsWith("spec.") && !UNVARIED.includes(path));
    this.axes = Array.from({ length: AXES }, (_, i) => axis(fields, i));
    this.seeds = h(
      "select",
      { id: "grid-seeds" },
      Array.from({ length: MAX_SEEDS }, (_, i) => h("option", { value: `${i + 1}` }, `${i + 1}`)),
    );
    this.wrong = h("p", { class: "wrong", role: "alert" });
    this.append(
      h(
        "details",
        {},
        h("summary", { class: "small" }, "Several values: a grid of runs"),
        h(
          "div",
          { class: "grid-fields" },
          this.axes.map(({ node }) => node),
          h("div", { class: "field" }, h("label", { for: "grid-seeds" }, "Seeds"), this.seeds),
          this.wrong,
          h(
            "button",
            { type: "button", class: "button wide", onclick: () => this.plan() },
            "Plan the grid",
          ),
        ),
      ),
    );
  }

  plan() {
    const axes = this.axes.map((one) => one.read()).filter(Boolean);
    const seeds = Number(this.seeds.value);
    setText(this.wrong, axes.length || seeds > 1 ? "" : "Choose a field and its values, or seeds.");
    if (this.wrong.textContent) return;
    const { spec, epochs, stop = {} } = this.requestOf();
    const base = Object.fromEntries(
      Object.entries(spec).filter(([name]) => !axes.some(([other]) => other === name)),
    );
    const grid = { base, axes: Object.fromEntries(axes), epochs, stop };
    showPlan({ study: "custom", seeds, grid }, ({ id }) => go(panelPath(comparison(), { study: id })));
  }
}

/** One axis: which field, and the values to try, separated by commas. */
function axis(fields, i) {
  const byName = new Map(fields.map((field) => [field.name, field]));
  const values = h("input", { type: "text", autocomplete: "off", id: `grid-values-${i}` });
  const hint = h("p", { class: "hint", id: `grid-hint-${i}` });
  values.setAttribute("aria-describedby", hint.id);
  const field = h(
    "select",
    { id: `grid-field-${i}` },
    h("option", { value: "" }, i ? "No second field" : "Choose a field"),
    fields.map(({ name }) => h("option", { value: name }, fieldLabel(name))),
  );
  field.onchange = () => {
    const { kind, choices = [], description = "" } = byName.get(field.value) ?? {};
    values.value = kind === "flag" ? "false, true" : choices.join(", ");
    const how = kind === "number" ? "Numbers, such as 0.01, 0.1. " : "";
    setText(hint, how + description.replaceAll("`", ""));
  };
  const node = h(
    "div",
    { class: "field" },
    h("label", { for: field.id }, i ? "And the field" : "Vary the field"),
    field,
    h("label", { for: values.id, class: "small" }, "Values, separated by commas"),
    values,
    hint,
  );
  const read = () => {
    const texts = values.value.split(",").map((text) => text.trim());
    return field.value ? [field.value, texts.filter(Boolean).map(valueOf)] : null;
  };
  return { node, read };
}

/** A number, true, false or null where it can be read as such, else the text. */
function valueOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

customElements.define("grid-form", GridForm);
