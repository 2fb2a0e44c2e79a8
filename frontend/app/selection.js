/** Whose runs the figures show: scale, variant and seeds, from the address or the last visit. */

import { CRITERIA } from "./catalogue.js";

export const SCALES = { smoke: "Smoke", quick: "Quick", full: "Full" };
export const SCALE_WORDS = {
  smoke: "A few minutes on two processor cores: every part of the paper in small.",
  quick: "About two hours on two cores: small networks and part of the images.",
  full: "The paper's own setting, for a GPU: the only scale its numbers can be compared with.",
};
export const VARIANTS = { paper: "Paper", report: "Report" };
export const MAX_SEEDS = 10;

const KEY = "rethink-figures";
const FIRST = { scale: "smoke", variant: "paper", seeds: 1 };

/** `{scale, variant, seeds}` as `query` says, or else as it was left. */
export function selectionFrom(query) {
  const kept = remembered();
  const scale = query.get("scale") ?? kept.scale;
  const variant = query.get("variant") ?? kept.variant;
  const seeds = Number(query.get("seeds") ?? kept.seeds);
  return {
    scale: scale in SCALES ? scale : FIRST.scale,
    variant: variant in VARIANTS ? variant : FIRST.variant,
    seeds: Number.isInteger(seeds) && seeds >= 1 && seeds <= MAX_SEEDS ? seeds : FIRST.seeds,
  };
}

export function rememberSelection({ scale, variant, seeds }) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ scale, variant, seeds }));
  } catch {
    // Storage may be forbidden: the address holds the choice all the same.
  }
}

function remembered() {
  try {
    return { ...FIRST, ...JSON.parse(localStorage.getItem(KEY)) };
  } catch {
    return FIRST;
  }
}

/** "smoke, paper's variant, 3 seeds"; with a criterion, "…, until training loss below 0.1" */
export function selectionWords({ scale, variant, seeds, criterion }) {
  const whose = scale ? `${scale}, ${variant}’s variant` : "a grid of your own";
  const until = criterion ? `, until ${CRITERIA[criterion]?.title ?? criterion}` : "";
  return `${whose}, ${seeds} ${seeds === 1 ? "seed" : "seeds"}${until}`;
}
