/** Start of the page: sign in with the link's token, then show what the address asks for. */

import "../elements/help-dialog.js";
import "../elements/live-dot.js";
import "../elements/machine-chip.js";
import "../elements/page-menu.js";
import "../elements/state-announcer.js";
import "../elements/trouble-bar.js";
import "../views/compare.js";
import "../views/figures.js";
import "../views/launch.js";
import "../views/lost.js";
import "../views/overview.js";
import "../views/panel.js";
import "../views/race.js";
import "../views/run.js";
import "../views/sign-in.js";
import { api, Problem, whenSignedOut } from "./api.js";
import { h, setAttribute } from "./dom.js";
import { hurry, loadCapabilities, startFeed } from "./feed.js";
import { listenForKeys } from "./keyboard.js";
import { currentRoute } from "./router.js";
import { ACTIVE } from "./words.js";

const main = document.getElementById("main");
let stopFeed = null;

/** Take the token out of `#token=…`, and out of the address and the history. */
function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) history.replaceState(null, "", "#/");
  return token;
}

async function start() {
  whenSignedOut(showSignIn);
  const token = takeToken();
  if (token) {
    try {
      await api.signIn(token);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      showSignIn(error.status === 401 ? "This link's token is no longer valid." : error.message);
      return;
    }
    await beginAtRace();
  }
  enter();
}

/** Begin at the race while there is one, or before there is anything: a new user's first view. */
async function beginAtRace() {
  try {
    const race = await api.race({});
    const begins = race ? ACTIVE.has(race.study.state) : (await api.runs({ limit: 1 })).total === 0;
    if (begins) history.replaceState(null, "", "#/race");
  } catch (error) {
    if (!(error instanceof Problem)) throw error; // the overview is shown
  }
}

/** Show the views once it is known what can be asked for, unless the cookie is missing. */
async function enter() {
  document.body.classList.remove("signed-out");
  if (!(await loadCapabilities())) return;
  stopFeed ??= startFeed();
  showRoute();
}

function showSignIn(reason = "") {
  stopFeed?.();
  stopFeed = null;
  document.body.classList.add("signed-out");
  if (main.querySelector("sign-in-view")) return;
  const view = h("sign-in-view");
  view.reason = reason;
  view.addEventListener("signed-in", enter);
  show(view, null);
}

function showRoute() {
  const { name, id, query } = currentRoute();
  const view = h(`${name}-view`);
  view.runId = view.panelName = id;
  view.query = query;
  show(view, name);
}

function show(view, name) {
  main.replaceChildren(view);
  window.scrollTo(0, 0);
  for (const link of document.querySelectorAll(".views a")) {
    const here = link.dataset.view === (name === "panel" ? "figures" : name);
    setAttribute(link, "aria-current", here ? "page" : null);
  }
}

window.addEventListener("hashchange", () => {
  if (location.hash.startsWith("#token=")) start();
  else if (stopFeed) {
    showRoute();
    main.focus({ preventScroll: true });
  }
});
document.addEventListener("visibilitychange", () => document.hidden || hurry());
window.addEventListener("online", hurry);
window.addEventListener("signed-out", () => showSignIn());
document.getElementById("skip").addEventListener("click", () => main.focus());
listenForKeys(() => document.querySelector("help-dialog").open());
start();
