/** Numbers, times and durations as people read them. Unknown is an en dash. */

const UNKNOWN = "–";
const count = new Intl.NumberFormat("en");

export function integer(value) {
  return value === null || value === undefined ? UNKNOWN : count.format(value);
}

/** 0.984 -> 98.4 % */
export function percent(fraction, digits = 1) {
  if (fraction === null || fraction === undefined) return UNKNOWN;
  return `${(100 * fraction).toFixed(digits).replace("-", "−")}\u00a0%`;
}

/** A loss, with about four significant digits: 2.3026, 123.4, 5.123e31. */
export function loss(value) {
  if (value === null || value === undefined) return UNKNOWN;
  const size = Math.abs(value);
  if (size >= 10_000 || (size < 0.001 && size > 0)) return value.toExponential(3).replace("+", "");
  return size < 10 ? value.toFixed(4) : value.toPrecision(4);
}

/** Any other number: no trailing zeros. */
export function number(value) {
  if (typeof value !== "number") return String(value);
  return Number.isInteger(value) ? count.format(value) : String(Number(value.toPrecision(6)));
}

const UNITS = [
  [86400, "d", 3600, "h"],
  [3600, "h", 60, "min"],
  [60, "min", 1, "s"],
];

/** Seconds in the two largest units: 45 s, 3 min 20 s, 2 h 5 min, 3 d 4 h. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  const whole = Math.round(seconds);
  for (const [large, unit, small, lesser] of UNITS) {
    if (whole < large) continue;
    const rest = Math.floor((whole % large) / small);
    return `${Math.floor(whole / large)} ${unit}${rest ? ` ${rest} ${lesser}` : ""}`;
  }
  return `${whole} s`;
}

/** Seconds roughly, for an estimate: 40 s, 3 min, 2.5 h. */
export function roughly(seconds) {
  if (seconds < 10) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 90) return `${Math.round(seconds / 5) * 5} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${number(Math.round(seconds / 360) / 10)} h`;
  return `${number(Math.round(seconds / 8640) / 10)} d`;
}

/** A range of durations, roughly: "2–5 min", the unit once where it is the same. */
export function span(low, high) {
  const [from, unit] = roughly(low).split(" ");
  const [to, last] = roughly(high).split(" ");
  if (unit !== last) return `${from} ${unit} – ${to} ${last}`;
  return from === to ? `${from} ${unit}` : `${from}–${to} ${unit}`;
}

/** A clause as a sentence. */
export function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

/** "1 run", "5 runs" */
export function plural(count, noun) {
  return `${integer(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Time of day of `date`, with the day if it is not today's. */
export function clock(date) {
  const time = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  if (date.toDateString() === new Date().toDateString()) return time;
  return `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${time}`;
}

/** Date and time in full. */
export function moment(text) {
  if (!text) return UNKNOWN;
  return new Date(text).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
}

export function bytes(value) {
  if (value === null || value === undefined) return UNKNOWN;
  return value >= 1e9 ? `${(value / 1e9).toFixed(1)} GB` : `${Math.round(value / 1e6)} MB`;
}
