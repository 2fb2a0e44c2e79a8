/** Keys that work everywhere: `g o`, `g r`, `g f`, `g c`, `g n`, `?`. Views listen for their own. Off inside inputs. */

import { go } from "./router.js";

const PLACES = { o: "#/", r: "#/race", f: "#/figures", c: "#/compare", n: "#/launch" };
const TYPED_INTO =
  "input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]";
const CHORD_MILLISECONDS = 1200;

/** What the help dialog lists. */
export const KEYS = [
  ["g o", "Overview"],
  ["g r", "The race"],
  ["g f", "Figures"],
  ["g c", "Compare runs"],
  ["g n", "Launch a new run"],
  ["/", "Filter the runs"],
  ["j  k", "Next, previous run"],
  ["Enter", "Open the run"],
  ["x", "Select the run"],
  ["c", "Compare the selected runs"],
  ["l", "Logarithmic vertical axis"],
  ["p", "Published values, on a figure"],
  ["?", "This help"],
  ["Esc", "Close"],
];

/** Whether a key is meant for the page, and not for a field or a dialog. */
export function isForPage(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return false;
  if (document.querySelector("dialog[open]")) return false;
  return !event.target.closest?.(TYPED_INTO);
}

export function listenForKeys(showHelp) {
  let chordAt = -Infinity;
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const open of document.querySelectorAll("details.pop[open]")) open.open = false;
      if (event.target.matches?.("input[type=search]")) event.target.blur();
      return;
    }
    if (!isForPage(event)) return;
    const inChord = performance.now() - chordAt < CHORD_MILLISECONDS;
    chordAt = -Infinity;
    if (inChord && PLACES[event.key]) go(PLACES[event.key]);
    else if (event.key === "g") chordAt = performance.now();
    else if (event.key === "?") showHelp();
    else return;
    event.preventDefault();
  });
}
