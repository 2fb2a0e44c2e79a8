/**
 * The page's one store: what the API said last, patched by the stream.
 *
 * Whoever shows something watches a topic and reads the store when told. Topics: `runs` (a list may
 * have changed), `run:<id>`, `curve:<id>`, `data:<id>` (an epoch of a run came, known or not), `workers`
 * (one came, went, began or ended a run), `heartbeats` (they were asked for), `health`,
 * `connection`, `resync` (fetch afresh). Many changes within a frame cause one call.
 */

export const store = {
  /** Run by id, as `GET /runs/{id}` shows it, and `toldAt`: when its progress was last news, in ms. */
  runs: new Map(),
  /** Array of EpochMetrics by run id, index = epoch - 1. */
  curves: new Map(),
  workers: [],
  capabilities: null,
  health: null,
  /** status: as the stream has it; heardAt: time of the last event, in ms; refusal: why it does not begin. */
  connection: { status: "connecting", heardAt: null, refusal: "" },
};

const watchers = new Map();
let touched = new Set();
let scheduled = false;

/** Call `action` after any of `topics` was touched. Returns a function that ends it. */
export function watch(topics, action) {
  for (const topic of topics) {
    if (!watchers.has(topic)) watchers.set(topic, new Set());
    watchers.get(topic).add(action);
  }
  return () => {
    for (const topic of topics) {
      watchers.get(topic)?.delete(action);
      if (watchers.get(topic)?.size === 0) watchers.delete(topic);
    }
  };
}

export function isWatched(topic) {
  return watchers.has(topic);
}

export function touch(...topics) {
  for (const topic of topics) touched.add(topic);
  if (scheduled) return;
  scheduled = true;
  // A hidden tab paints no frames; it still keeps its title up to date.
  if (document.hidden) setTimeout(flush, 1000);
  else requestAnimationFrame(flush);
}

function flush() {
  scheduled = false;
  const topics = touched;
  touched = new Set();
  const actions = new Set();
  for (const topic of topics) for (const action of watchers.get(topic) ?? []) actions.add(action);
  for (const action of actions) action();
}

/** Take over a run as the API shows it. */
export function putRun(run) {
  const known = store.runs.get(run.id);
  // A list leaves the attempts out; keep those that are known.
  const attempts = run.attempts?.length || !known ? run.attempts : known.attempts;
  const isNews = !known || JSON.stringify(run.progress) !== JSON.stringify(known.progress);
  store.runs.set(run.id, { ...run, attempts, toldAt: isNews ? Date.now() : known.toldAt });
  touch(`run:${run.id}`);
}

/** Change fields of a run that is known; others are fetched when someone shows them. */
export function patchRun(id, fields) {
  const run = store.runs.get(id);
  if (!run) return;
  store.runs.set(id, { ...run, ...fields });
  touch(`run:${id}`);
}

/** Take over epochs, in any order and any number of times. Returns the first that is missing. */
export function putEpochs(id, epochs) {
  const curve = store.curves.get(id) ?? [];
  for (const metrics of epochs) curve[metrics.epoch - 1] = metrics;
  store.curves.set(id, curve);
  touch(`curve:${id}`);
  const gap = curve.findIndex((metrics) => metrics === undefined);
  return gap < 0 ? null : gap + 1;
}

/** The epochs known without a gap, from the first on. */
export function curveOf(id) {
  const curve = store.curves.get(id) ?? [];
  const gap = curve.findIndex((metrics) => metrics === undefined);
  return gap < 0 ? curve : curve.slice(0, gap);
}
