/**
 * The launch form's fields, made from the JSON Schema of the run request; and the request, made
 * from what is filled in. The schema says which fields there are, their types, choices, defaults
 * and descriptions; this module says how they are grouped and when they apply.
 */

import { MODELS, RANDOMIZATIONS } from "./catalogue.js";

/** Groups in their order. Fields of the schema that none of them names go into the last one. */
export const GROUPS = [
  {
    title: "Model",
    open: true,
    fields: ["spec.model", "spec.width", "spec.batch_norm", "spec.bn_momentum", "spec.bn_eps"],
  },
  {
    title: "Randomization",
    open: true,
    fields: ["spec.randomization", "spec.corruption", "spec.variant", "spec.data_seed"],
  },
  {
    title: "Data",
    open: true,
    fields: ["spec.dataset", "spec.n_train", "spec.n_test", "spec.subset_seed", "spec.crop"],
  },
  {
    title: "How far",
    open: true,
    fields: ["epochs", "name", "stop.train_loss", "stop.train_accuracy"],
  },
  {
    title: "Optimiser and initial weights",
    fields: [
      "spec.batch_size",
      "spec.learning_rate",
      "spec.momentum",
      "spec.decay",
      "spec.decay_steps",
      "spec.warmup_steps",
      "spec.initialisation",
      "spec.init_scale",
    ],
  },
  {
    title: "Regularisers",
    fields: [
      "spec.weight_decay",
      "spec.dropout",
      "spec.random_crop",
      "spec.random_flip",
      "spec.brightness",
      "spec.contrast",
      "spec.saturation",
      "spec.hue",
    ],
  },
  {
    title: "Seed, precision, priority",
    fields: ["spec.seed", "spec.replicate", "spec.precision", "priority"],
  },
];

/** Fields whose effect depends on another choice: hidden, and not sent, where they have none. */
const APPLIES = {
  "spec.subset_seed": (value) => value("spec.n_train") || value("spec.n_test"),
  "spec.corruption": (value) => uses(value, "corruption"),
  "spec.variant": (value) => uses(value, "variant"),
  "spec.data_seed": (value) => uses(value, "data_seed"),
  "spec.batch_norm": (value) => understands(value, "batch_norm"),
  "spec.bn_momentum": (value) => normalises(value, "bn_momentum"),
  "spec.bn_eps": (value) => normalises(value, "bn_eps"),
  "spec.decay_steps": (value) => Number(value("spec.decay") || 0) !== 1,
  "spec.engine": () => false,
};

const uses = (value, field) =>
  RANDOMIZATIONS[value("spec.randomization")]?.uses.includes(field) ?? true;
const understands = (value, field) => MODELS[value("spec.model")]?.understands.includes(field) ?? true;
const normalises = (value, field) =>
  understands(value, field) && value("spec.batch_norm") !== "none";

/** Sent even where it is the default, so that a request can be read by itself. */
const ALWAYS_SENT = new Set(["spec.model", "epochs"]);

/** The fields of `schema`: `{path, name, kind, choices, fallback, description, required}`. */
export function fieldsOf(schema) {
  const resolve = (node) =>
    node.$ref ? { ...schema.$defs[node.$ref.split("/").pop()], ...node } : node;
  const collect = (properties, prefix) =>
    Object.entries(properties).flatMap(([name, node]) => {
      const whole = resolve(node);
      if (whole.properties) return collect(whole.properties, `${prefix}${name}.`);
      return [describe(prefix + name, name, whole, resolve)];
    });
  return collect(schema.properties, "");
}

function describe(path, name, node, resolve) {
  const options = (node.anyOf ?? [node]).map(resolve);
  const choices = options.flatMap(
    ({ enum: values, const: only }) => values ?? (only === undefined ? [] : [only]),
  );
  const type = options.find((option) => option.type && option.type !== "null")?.type;
  const kind = choices.length
    ? "choice"
    : ({ boolean: "flag", integer: "number", number: "number" }[type] ?? "text");
  const { description = "", default: fallback = null } = node;
  return {
    path,
    name,
    kind,
    whole: type === "integer",
    choices: choices.sort((a, b) => (b === fallback) - (a === fallback)),
    fallback,
    description,
  };
}

/** Whether a field applies to what is chosen; `values`: path -> string or boolean. */
export function applies(field, values, fields) {
  const value = (path) => {
    const given = values.get(path);
    return given === undefined || given === "" ? fields.get(path)?.fallback : given;
  };
  return APPLIES[field.path]?.(value) ?? true;
}

/** The body for POST /runs: fields that apply, are filled in and are not the default. */
export function requestOf(fields, values) {
  const request = {};
  for (const field of fields.values()) {
    const given = values.get(field.path);
    if (given === undefined || given === "" || !applies(field, values, fields)) {
      if (!ALWAYS_SENT.has(field.path)) continue;
    }
    const value = parsed(field, given === undefined || given === "" ? field.fallback : given);
    const chosen = field.kind === "choice" || field.kind === "flag";
    if (chosen && value === field.fallback && !ALWAYS_SENT.has(field.path)) continue;
    const steps = field.path.split(".");
    const last = steps.pop();
    const place = steps.reduce((node, step) => (node[step] ??= {}), request);
    place[last] = value;
  }
  return request;
}

/** Numbers as numbers; what is none goes to the server as it is, which says what is allowed. */
function parsed(field, given) {
  if (field.kind !== "number" || typeof given !== "string") return given;
  const text = given.trim().replace(/\s+/g, "");
  const plain = /^\d{1,3}(,\d{3})+$/.test(text) ? text.replaceAll(",", "") : text;
  return Number.isFinite(Number(plain)) ? Number(plain) : given.trim();
}

/** What to fill in for a request such as a preset's: path -> string or boolean. */
export function valuesOf(request) {
  const values = new Map();
  const walk = (node, prefix) => {
    for (const [name, value] of Object.entries(node)) {
      if (value === null || value === undefined) continue;
      if (typeof value === "object") walk(value, `${prefix}${name}.`);
      else values.set(prefix + name, typeof value === "number" ? String(value) : value);
    }
  };
  walk(request, "");
  return values;
}

/** The request that would train `run` again, or on. */
export function requestFrom(run) {
  const { name, epochs, stop, priority, spec, changes } = run;
  const all = { ...changes, model: spec.model, precision: spec.precision };
  return { name, epochs, stop, priority: priority || null, spec: all };
}

/** The field that the server's error is about: `spec.precision.Precision` means `spec.precision`. */
export function fieldOfError(fields, path) {
  for (let at = path; at; at = at.slice(0, Math.max(at.lastIndexOf("."), 0))) {
    if (fields.has(at)) return fields.get(at);
  }
  return null;
}
