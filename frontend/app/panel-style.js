/** Colour and mark of each condition: the same meaning looks the same on every figure. */

import { seriesColour } from "./palette.js";

const MARKS = ["circle", "square", "triangle-up", "diamond", "triangle-down", "diamond", "circle"];

/** The conditions of a panel, each with its style: key -> `{colour, mark}`, CSS and Plotly's word. */
export function stylesOf({ series, references }) {
  return new Map(
    [...series, ...references].map(({ key, color }) => [
      key,
      { colour: seriesColour(color), mark: MARKS[color % MARKS.length] },
    ]),
  );
}

/** Outlines of the marks on a grid of 10 × 10, for legends and previews. */
export const MARK_PATHS = {
  circle: "M5 1.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7z",
  square: "M2 2h6v6h-6z",
  "triangle-up": "M5 1.2l4 7h-8z",
  "triangle-down": "M5 8.8l4-7h-8z",
  diamond: "M5 .7l4.3 4.3l-4.3 4.3l-4.3-4.3z",
};
