/** How a panel is shown: what the address says of it, and what of that the server is asked for. */

import { CRITERIA, SPREAD_CHOICES, X_AXES } from "./panel-words.js";

/** `{criterion, x, spread, log, logX, individual, paper}`; x is auto until the user chooses. */
export function optionsFrom(query) {
  const given = (name, known, first) => (query.get(name) in known ? query.get(name) : first);
  const log = query.get("log") ?? "";
  return {
    criterion: given("criterion", CRITERIA, "default"),
    x: given("x", X_AXES, "auto"),
    spread: given("spread", SPREAD_CHOICES, "auto"),
    log: log.includes("y"),
    logX: log.includes("x"),
    individual: query.get("individual") === "true",
    paper: query.get("references") !== "no",
  };
}

/** The part that changes the panel's numbers. */
export function asked({ criterion, x, spread, individual }) {
  return {
    ...(criterion === "default" ? {} : { criterion }),
    ...(x === "auto" ? {} : { x }),
    ...(spread === "auto" ? {} : { spread }),
    ...(individual ? { individual: "true" } : {}),
  };
}

/** Entries for the address: what is not as at first. */
export function noted(options) {
  const { log, logX, paper } = options;
  return [
    ...Object.entries(asked(options)),
    ["log", `${log ? "y" : ""}${logX ? "x" : ""}`],
    ["references", paper ? "" : "no"],
  ];
}
