/**
 * <run-form>: the fields of a run request, grouped; those that do not apply are hidden and not
 * sent. Emits `change-request` when the request changes.
 */

import { h } from "../app/dom.js";
import {
  applies,
  fieldOfError,
  fieldsOf,
  GROUPS,
  requestOf,
  valuesOf,
} from "../app/request-fields.js";
import { store } from "../app/store.js";
import { formField } from "./form-field.js";
import { LiveElement } from "./live-element.js";

class RunForm extends LiveElement {
  build() {
    const fields = fieldsOf(store.capabilities.run_schema);
    this.fields = new Map(fields.map((field) => [field.path, field]));
    this.nodes = new Map(fields.map((field) => [field.path, formField(field)]));
    const named = new Set(GROUPS.flatMap((group) => group.fields));
    const others = fields.map(({ path }) => path).filter((path) => !named.has(path));
    this.groups = GROUPS.map((group, i) => {
      const paths = i === GROUPS.length - 1 ? [...group.fields, ...others] : group.fields;
      return this.group(group, paths.map((path) => this.nodes.get(path)).filter(Boolean));
    });
    this.append(...this.groups);
    this.addEventListener("input", () => this.changed());
    this.arrange();
  }

  group({ title, open = false }, nodes) {
    const count = h("span", { class: "count small" });
    const group = h(
      "details",
      { class: open ? "card group half" : "card group", open },
      h("summary", {}, h("h2", {}, title), count),
      h("div", { class: "fields" }, nodes),
    );
    group.nodes = nodes;
    group.count = count;
    return group;
  }

  /** Fill in `request`; everything else is set back to its default. */
  fill(request) {
    const values = valuesOf(request);
    for (const [path, node] of this.nodes) {
      node.fill(values.get(path));
      node.complain();
    }
    this.changed();
  }

  get values() {
    return new Map([...this.nodes].map(([path, node]) => [path, node.read()]));
  }

  get request() {
    return requestOf(this.fields, this.values);
  }

  changed() {
    this.arrange();
    this.dispatchEvent(new Event("change-request"));
  }

  /** Show the fields that apply, and open the groups in which something is set. */
  arrange() {
    const { values } = this;
    for (const [path, node] of this.nodes) {
      const only = path === "spec.dataset" && store.capabilities.datasets.length < 2;
      node.hidden = only || !applies(this.fields.get(path), values, this.fields);
    }
    for (const group of this.groups) {
      const set = group.nodes.filter((node) => !node.hidden && node.isChanged());
      group.count.textContent = set.length && !group.open ? `${set.length} set` : "";
    }
  }

  /** Show the server's errors at their fields. Returns the sentences that belong to none. */
  complain(errors) {
    for (const node of this.nodes.values()) node.complain();
    const rest = [];
    for (const { field: path, message } of errors) {
      const field = fieldOfError(this.fields, path);
      const node = field && this.nodes.get(field.path);
      if (!node || node.hidden) rest.push(`${path} ${message}`.trim());
      else {
        node.complain(message);
        node.closest("details").open = true;
      }
    }
    return rest;
  }

  focusFirstWrong() {
    this.querySelector("[aria-invalid=true]")?.focus();
  }
}

customElements.define("run-form", RunForm);
