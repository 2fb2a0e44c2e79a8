/** What the API's names are called on the page, and a run in a few words. */

import { titleOf } from "./catalogue.js";
import { integer, number, percent } from "./format.js";

const CHOICES = {
  all: "Everywhere",
  none: "Nowhere",
  down: "In the two down modules",
  torch: "PyTorch's default",
  xavier_uniform: "Xavier, uniform",
  he_normal: "He, normal",
  paper: "The paper's",
  report: "The report's",
  auto: "Automatic",
};

/** A value of a spec's field in words. */
export function choice(value) {
  if (value === true) return "yes";
  if (value === false) return "no";
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return number(value);
  if (CHOICES[value]) return CHOICES[value];
  const title = titleOf(value);
  return title === value ? String(value) : capital(title);
}

export const capital = (words) => words[0].toUpperCase() + words.slice(1);

/** The value of a field of a spec in words, with its unit. A seed is a name, not a number. */
export function worded(field, value) {
  const words = field.endsWith("seed") && value !== null ? String(value) : choice(value);
  const unit = UNITS[field] && (value === 1 ? UNITS[field].replace(/s$/, "") : UNITS[field]);
  return unit ? `${words} ${unit}` : words;
}

/** Labels that say more than the field's name. */
const FIELDS = {
  n_train: "Training images",
  n_test: "Test images",
  crop: "Centre crop",
  corruption: "Corruption p",
  width: "Width factor",
  batch_norm: "Batch normalisation",
  bn_momentum: "BN momentum",
  bn_eps: "BN epsilon",
  init_scale: "Initial scale",
  decay: "Learning rate decay",
  decay_steps: "Decay interval",
  warmup_steps: "Warm-up",
  random_flip: "Random flip",
  epochs: "Epochs",
  train_loss: "Stop below training loss",
  train_accuracy: "Stop at training accuracy",
  replicate: "Replicate",
};

export function fieldLabel(name) {
  return FIELDS[name] ?? capital(name.replaceAll("_", " "));
}

/** What a field's number counts. */
export const UNITS = {
  crop: "pixels",
  decay_steps: "steps",
  warmup_steps: "steps",
};

/** How a run stands: `{key, word}`; the key also names its icon and its colour. */
export function standing(run) {
  if (run.state === "RUNNING" && run.cancel_requested)
    return { key: "running", word: "Cancelling" };
  if (run.state === "RUNNING" && run.pause_requested) return { key: "running", word: "Pausing" };
  if (run.state === "SUCCEEDED" && run.outcome === "diverged") {
    return { key: "diverged", word: "Diverged" };
  }
  const key = run.state.toLowerCase();
  return { key, word: capital(key) };
}

/** States of a run that has ended, and of a study that has not. */
export const ENDED = new Set(["SUCCEEDED", "FAILED", "CANCELLED"]);
export const ACTIVE = new Set(["waiting", "running"]);

/** The name it was given, or else what sets it apart: "MLP 1×512, random labels, seed 3". */
export function runTitle(run) {
  if (run.name) return run.name;
  return [titleOf(run.spec.model), randomization(run.spec), ...extras(run)].join(
    ", ",
  );
}

/** "corrupted labels, p = 0.3" */
export function randomization(spec) {
  const words = titleOf(spec.randomization);
  return spec.corruption == null ? words : `${words}, p = ${spec.corruption}`;
}

/** "MLP 1×512 · true labels · 5,000 images · learning rate 0.02" */
export function runSummary(run) {
  const { spec } = run;
  const images = spec.n_train ? `${integer(spec.n_train)} images` : "all images";
  return [titleOf(spec.model), randomization(spec), images, ...extras(run)].join(
    " · ",
  );
}

/** What is told anyway, or says little. */
const UNTOLD = new Set([
  ...["model", "randomization", "corruption", "n_train", "n_test", "engine"],
  ...["subset_seed", "data_seed", "variant", "precision"],
]);

function extras({ changes, spec }) {
  const told = Object.entries(changes).filter(([field]) => !UNTOLD.has(field));
  const constant = spec.decay === 1; // then the interval says nothing
  return told
    .filter(([field]) => !(constant && field === "decay_steps"))
    .map(([field, value]) => brief(field, value));
}

function brief(field, value) {
  if (field === "decay" && value === 1) return "constant learning rate";
  const label = fieldLabel(field);
  const words = label.startsWith("BN") ? label : label[0].toLowerCase() + label.slice(1);
  if (value === true) return words;
  if (value === false || value === null) return `no ${words}`;
  const told = worded(field, value);
  return `${words} ${typeof value === "string" ? told.toLowerCase() : told}`;
}

const PHASES = {
  starting: "starting",
  "fetching data": "fetching the data",
  "preparing data": "preparing the data",
  "waiting for another process": "waiting for another process that fetches the data",
  training: "training",
  evaluating: "evaluating",
  saving: "saving",
};

/** What a running run does now. */
export function phase(run) {
  const name = run.progress?.phase;
  return name ? (PHASES[name] ?? name) : "starting";
}

/** Whether a running run still fetches or prepares its data: its own bar then shows that. */
export function isPreparing(run) {
  const name = run.state === "RUNNING" ? (run.progress?.phase ?? "") : "";
  return name.endsWith("data") || name.startsWith("waiting");
}

/** What ends a run before its epochs: "at training accuracy 99.8 %", "below training loss 0.05". */
export function stopRules({ train_loss: loss, train_accuracy: accuracy }) {
  const rules = [];
  if (loss !== null) rules.push(`below training loss ${number(loss)}`);
  if (accuracy !== null) rules.push(`at training accuracy ${percent(accuracy)}`);
  return rules;
}

/** Why a run ended before all its epochs, if that was its stop rule. */
export function whyStopped({ state, stop, epochs, epochs_done: done }) {
  const stopped = state === "SUCCEEDED" && done < epochs && stopRules(stop).join(" or ");
  return stopped ? `stopped ${stopped}` : "";
}

/** "epoch 3 of 10" */
export function epochWords(run) {
  return `epoch ${integer(run.epochs_done)} of ${integer(run.epochs)}`;
}

export function accuracies(run) {
  const { latest } = run;
  if (!latest) return null;
  return { train: percent(latest.train_accuracy), test: percent(latest.test_accuracy) };
}
