/** Colours of the theme in force, as Plotly reads them, and the colour of a randomization. */

import { RANDOMIZATIONS } from "./catalogue.js";

const probe = document.createElement("span");
probe.hidden = true;

/** The resolved value of a CSS colour such as `var(--ink)`, as rgb(…). */
export function colour(css) {
  if (!probe.isConnected) document.body.append(probe);
  probe.style.color = css;
  return getComputedStyle(probe).color;
}

/** The colour of what is randomized, as CSS. */
export function randomizationColour(spec) {
  return seriesColour(RANDOMIZATIONS[spec.randomization]?.color ?? COLOURS - 1);
}

const COLOURS = 7;

/** The colour at a place in the palette, as CSS. */
export function seriesColour(place) {
  return `var(--series-${place % COLOURS})`;
}

/** `rgb` with an opacity, for areas. */
export function faint(rgb, opacity) {
  return rgb.replace(/^rgb\((.*)\)$/, `rgba($1, ${opacity})`);
}

const darkness = matchMedia("(prefers-color-scheme: dark)");

/** Call `action` when the theme changes, by the system or by the user. Returns what ends it. */
export function onThemeChange(action) {
  const observer = new MutationObserver(action);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  darkness.addEventListener("change", action);
  return () => {
    observer.disconnect();
    darkness.removeEventListener("change", action);
  };
}
