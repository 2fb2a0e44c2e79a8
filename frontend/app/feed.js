/** Keeps the store up to date: applies the stream's events, and fetches what they leave out. */

import { api, Problem } from "./api.js";
import { learn } from "./catalogue.js";
import { debounce } from "./dom.js";
import { curveOf, isWatched, patchRun, putEpochs, putRun, store, touch } from "./store.js";
import { Stream } from "./stream.js";

const HEALTH_SECONDS = 10;
const RETRY = 3000;
let stream = null;
let announce = () => {};

/** Tell `action(run)` when the state of a run that is shown changes. */
export function onStateChange(action) {
  announce = action;
}

export function startFeed() {
  stream = new Stream(apply, (status) => {
    // The stream goes on where it was, but what was asked for meanwhile had no answer.
    if (status === "live" && store.connection.status !== "connecting") touch("resync");
    store.connection = { ...store.connection, status };
    touch("connection");
    checkHealth();
  });
  stream.start();
  const timer = setInterval(() => document.hidden || checkHealth(), HEALTH_SECONDS * 1000);
  const stopped = stream;
  return () => {
    clearInterval(timer);
    stopped.stop();
    stream = null;
  };
}

/** Reconnect without waiting, for example when the tab is shown again. */
export function hurry() {
  stream?.hurry();
}

function apply(kind, data) {
  store.connection = { ...store.connection, heardAt: Date.now() };
  touch("connection");
  const handler = handlers[kind];
  if (handler) handler(data);
}

const handlers = {
  hello: () => touch("resync"),
  reset() {
    store.curves.clear();
    touch("resync");
  },
  created: () => touch("runs"),
  state({ run_id: id, ...fields }) {
    const known = store.runs.get(id);
    patchRun(id, fields);
    touch("runs");
    refreshSoon(id);
    if (known && known.state !== fields.state) announce(store.runs.get(id));
  },
  epoch({ run_id: id, metrics }) {
    touch(`data:${id}`);
    const run = store.runs.get(id);
    if (run) {
      const epochsDone = Math.max(run.epochs_done, metrics.epoch);
      const step = Math.max(run.step, metrics.step);
      patchRun(id, { latest: metrics, epochs_done: epochsDone, step, toldAt: Date.now() });
    }
    if (!store.curves.has(id)) return;
    const missing = putEpochs(id, [metrics]);
    if (missing !== null) loadCurve(id, missing);
  },
  progress({ run_id: id, progress, fraction, eta_seconds: eta }) {
    const run = store.runs.get(id);
    if (!run) return;
    // Phases between two epochs tell neither fraction nor time left: the last ones still hold.
    patchRun(id, {
      progress,
      toldAt: Date.now(),
      step: Math.max(run.step, progress.step ?? 0),
      fraction: fraction ?? run.fraction,
      eta_seconds: eta ?? run.eta_seconds,
    });
  },
  deleted({ run_id: id }) {
    store.runs.delete(id);
    store.curves.delete(id);
    touch("runs", `run:${id}`);
  },
  worker: debounce(() => refreshWorkers(), 200),
  study: () => touch("runs"),
};

const refreshing = new Map();

/** Fetch a run that someone shows, soon; once more if it changes while it is fetched. */
function refreshSoon(id) {
  if (!isWatched(`run:${id}`)) return;
  if (refreshing.has(id)) {
    refreshing.set(id, true);
    return;
  }
  refreshing.set(id, false);
  setTimeout(async () => {
    refreshing.set(id, false);
    await loadRun(id).catch(() => {});
    const again = refreshing.get(id);
    refreshing.delete(id);
    if (again) refreshSoon(id);
  }, 50);
}

/** Fetch a run. Throws a Problem: status 404 where there is none. */
export async function loadRun(id) {
  const run = await api.run(id);
  putRun(run);
  return run;
}

const loadingCurves = new Set();

/** Fetch the curve of a run, or what is missing of it; a fetch in flight is not repeated. */
async function loadCurve(id, first = 1) {
  if (loadingCurves.has(id)) return;
  loadingCurves.add(id);
  if (!store.curves.has(id)) putEpochs(id, []);
  try {
    putEpochs(id, (await api.metrics(id, first)).items);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (!store.curves.get(id)?.length) store.curves.delete(id); // to be asked for again
  } finally {
    loadingCurves.delete(id);
  }
}

/** Fetch the epochs after those that are known. */
export function completeCurve(id) {
  return loadCurve(id, curveOf(id).length + 1);
}

async function refreshWorkers() {
  const who = () => store.workers.map(({ id, state }) => `${id} ${state}`).join();
  const before = who();
  store.workers = await api.workers().catch(() => store.workers);
  touch("heartbeats");
  if (who() !== before) touch("workers");
}

/** Fetch what can be asked for here, again until it is there. False: the browser is signed out. */
export async function loadCapabilities() {
  const refused = (refusal) => {
    store.connection = { ...store.connection, refusal };
    touch("connection");
  };
  for (;;) {
    try {
      store.capabilities = await api.capabilities();
      refused("");
      learn(store.capabilities);
      store.workers = store.capabilities.workers;
      touch("workers");
      return true;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      refused(error.status === 401 ? "" : error.message);
      if (error.status === 401) return false;
      await new Promise((resolve) => setTimeout(resolve, RETRY));
    }
  }
}

const checkHealth = debounce(async () => {
  store.health = await api.health().catch(() => null);
  touch("health");
  if (store.health && isWatched("heartbeats")) refreshWorkers();
}, 300);
