/** How a panel is shown: what the address says of it, and what of that the server is asked for. */

import { CRITERIA, PANELS } from "./catalogue.js";
import { SPREAD_CHOICES, X_AXES } from "./panel-words.js";

/**
 * `{criterion, x, spread, log, logX, individual, paper}`; x is auto until the user chooses. criterion
 * is empty where none is asked for: a study's own then counts, else each model's.
 */
export function optionsFrom(query, name) {
  const { kind } = PANELS[name];
  const given = (name, known, first) => (query.get(name) in known ? query.get(name) : first);
  const log = query.get("log") ?? "";
  const criteria = query.has("study") ? { default: null, ...CRITERIA } : CRITERIA;
  return {
    criterion: given("criterion", criteria, ""),
    x: given("x", X_AXES, "auto"),
    spread: given("spread", SPREAD_CHOICES, "auto"),
    log: kind !== "rows" && log.includes("y"),
    logX: kind === "curves" && log.includes("x"), // p begins at 0
    individual: query.get("individual") === "true",
    paper: query.get("references") !== "no",
  };
}

/** The part that changes the panel's numbers, or which points of long curves are sent. */
export function asked({ criterion, x, spread, individual, logX }) {
  return {
    ...(criterion ? { criterion } : {}),
    ...(x === "auto" ? {} : { x }),
    ...(spread === "auto" ? {} : { spread }),
    ...(individual ? { individual: "true" } : {}),
    ...(logX ? { log: "x" } : {}),
  };
}

/** What a download is asked for: its axes too, which the page draws by itself. */
export function askedOfFiles(options) {
  const log = `${options.logX ? "x" : ""}${options.log ? "y" : ""}`;
  return { ...asked(options), ...(log ? { log } : {}) };
}

/** Entries for the address: what is not as at first. */
export function noted(options) {
  return [...Object.entries(askedOfFiles(options)), ["references", options.paper ? "" : "no"]];
}
