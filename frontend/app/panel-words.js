/** What the numbers and states of panels are called. */

import { duration, integer, loss, number, percent } from "./format.js";

export const X_AXES = { steps: "Steps", epochs: "Epochs", seconds: "Seconds" };

/** How what is measured is drawn where a panel has several: `{word, dash}`, Plotly's dash. */
export const MEASURES = {
  test_accuracy: { word: "test", dash: "solid" },
  train_accuracy: { word: "training", dash: "5px,4px" },
  test_loss: { word: "test", dash: "solid" },
  train_loss: { word: "training", dash: "5px,4px" },
  noisy_test_error: { word: "test labels corrupted with the same p", dash: "solid" },
  test_error: { word: "true test labels", dash: "1.5px,3px" },
  clean_accuracy: { word: "labels still true", dash: "solid" },
  corrupted_accuracy: { word: "wrong labels, as given", dash: "5px,4px" },
  corrupted_true_accuracy: { word: "wrong labels, true class", dash: "1.5px,3px" },
};

/** The dash of a series of `panel`: it tells measures apart, where the panel has several. */
export function dashOf({ series }, measure) {
  const several = new Set(series.map((one) => one.measure)).size > 1;
  return (several && MEASURES[measure]?.dash) || "solid";
}

export const BEST = { word: "best test so far, as early stopping would give", dash: "1.5px,3px" };
/** `dotted`: the measures of which its lines are dotted. */
export const PAPER = {
  word: "paper, digitised",
  dash: "7px,4px",
  dotted: new Set(["train_accuracy", "test_error"]),
};

export const SPREAD_CHOICES = {
  auto: "By their number",
  range: "Smallest to largest",
  sd: "Standard deviation",
  ci95: "95 % interval",
};

export const SPREADS = {
  range: "smallest to largest",
  sd: "± 1 standard deviation",
  ci95: "95 % interval of the mean",
};

const VERDICTS = {
  reproduced: { icon: "succeeded", tone: "succeeded", word: "Reproduced" },
  "not reproduced": { icon: "failed", tone: "failed", word: "Not reproduced" },
  incomplete: { icon: "partial", tone: "", word: "Incomplete" },
  "not comparable": { icon: "unlike", tone: "", word: "Not comparable" },
  none: { icon: "cancelled", tone: "", word: "No claim" },
};
const STATUSES = {
  empty: { icon: "queued", tone: "" },
  live: { icon: "running", tone: "running" },
  partial: { icon: "partial", tone: "" },
  complete: { icon: "succeeded", tone: "succeeded" },
};

export function verdictWords(state) {
  return VERDICTS[state] ?? VERDICTS.none;
}

/** A panel's status: `{icon, tone, word}`. */
export function statusWords({ status, status_text: text }) {
  return { ...STATUSES[status], word: text[0].toUpperCase() + text.slice(1) };
}

const FORMATS = {
  fraction: (value) => percent(value),
  nats: loss,
  steps: (value) => integer(value === null ? null : Math.round(value)),
  epochs: (value) => (value === null ? "–" : number(Number(value.toFixed(1)))),
  seconds: duration,
};

/** A number with `unit` as people read it. */
export function measured(value, unit) {
  if (value === null || value === undefined) return "–";
  return (FORMATS[unit] ?? plain)(value);
}

/** A range after its mean: " (84.6–85.0 %)", the unit once; nothing where both ends look alike. */
export function measuredRange(low, high, unit) {
  const [from, to] = [measured(low, unit), measured(high, unit)];
  return from === to ? "" : ` (${from.replace(/\u00a0%$/, "")}–${to})`;
}

/** A number stays on the line of its per cent sign. */
export function unbroken(text) {
  return text.replaceAll(" %", "\u00a0%");
}

/** Four digits at most. */
export function plain(value) {
  if (value === null || value === undefined) return "–";
  return number(Number(value.toPrecision(4)));
}

/** The name of a series' condition, without what was measured of it. */
export function conditionOf(series) {
  if (series.label.startsWith(series.key)) return series.key; // a name that a user gave
  return series.label.replace(
    /(, (training|test|best test so far|(true|corrupted) test labels)|: .*| \((paper|report)[^)]*\))+$/,
    "",
  );
}

/** The part of a title after "Figure 1a: ", as a sentence's beginning. */
export function shortTitle(title) {
  const rest = title.replace(/^(Figure|Table) \w+: /, "");
  return rest[0].toUpperCase() + rest.slice(1);
}

/** "Figure 1a" or "Table 1"; empty for what the paper does not have. */
export function numberOf(title) {
  return /^((Figure|Table) \w+): /.exec(title)?.[1] ?? "";
}
