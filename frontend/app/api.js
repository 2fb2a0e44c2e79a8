/** Requests to the API. Every error becomes a `Problem` with a sentence to show. */

const API = "/api/v1";
const TIMEOUT = 60_000;

/** What the API refused, or that it could not be reached: then `status` is 0. */
export class Problem extends Error {
  constructor(status, title, detail, errors = []) {
    super(detail || title);
    this.status = status;
    this.title = title;
    /** `{field, value, message}` for each value that is not allowed. */
    this.errors = errors;
  }
}

let onSignedOut = () => {};

/** Tell `action` when the API no longer accepts this browser's cookie. */
export function whenSignedOut(action) {
  onSignedOut = action;
}

const limited = () => ({ signal: AbortSignal.timeout(TIMEOUT) });

async function send(method, path, body, signal) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-Rethink"] = "1";
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method === "GET") {
    // Over a dead connection no answer would come, and nobody would ask again.
    signal = AbortSignal.any([limited().signal, ...(signal ? [signal] : [])]);
  }
  let response;
  try {
    const text = body === undefined ? undefined : JSON.stringify(body);
    response = await fetch(API + path, { method, headers, body: text, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "No answer", "The server does not answer. Is it still running?");
  }
  if (response.status === 204) return null;
  const content = await response.json().catch(() => null);
  if (response.ok && content !== null) return content;
  if (response.status === 401 && path !== "/session") onSignedOut();
  throw refusal(response, content);
}

function refusal({ status }, content) {
  const { title = "Unexpected answer", detail, errors } = content ?? {};
  return new Problem(status, title, detail ?? `The server answered with status ${status}.`, errors);
}

/** A file as `{content, name}`: a Blob, and what the server calls it. */
async function file(address) {
  try {
    const response = await fetch(address);
    if (!response.ok) throw refusal(response, await response.json().catch(() => null));
    const header = response.headers.get("Content-Disposition");
    const name = /filename="([^"]*)"/.exec(header)?.[1] ?? "";
    return { content: await response.blob(), name };
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(0, "No answer", "The server does not answer. Is it still running?");
  }
}

const id = encodeURIComponent;

function figure(path, query) {
  return `/figures/${path}?${new URLSearchParams(query)}`;
}

export const api = {
  /** Answers with its content also when the database is down. */
  health: () => fetch(`${API}/health`, limited()).then((response) => response.json()),
  signIn: (token) => send("POST", "/session", { token }),
  signOut: () => send("DELETE", "/session"),
  capabilities: () => send("GET", "/capabilities"),
  workers: () => send("GET", "/workers"),
  runs: (query, signal) => send("GET", `/runs?${new URLSearchParams(query)}`, undefined, signal),
  run: (run) => send("GET", `/runs/${id(run)}`),
  metrics: (run, first = 1) => send("GET", `/runs/${id(run)}/metrics?first=${first}`),
  create: (request) => send("POST", "/runs", request),
  estimate: (request, signal) => send("POST", "/runs/estimate", request, signal),
  /** `everywhere`: also for the studies that want it. */
  cancel: (run, everywhere) => send("POST", `/runs/${id(run)}/cancel?everywhere=${everywhere}`),
  /** `name`: pause, resume or retry. */
  act: (run, name) => send("POST", `/runs/${id(run)}/${name}`),
  extend: (run, epochs) => send("POST", `/runs/${id(run)}/extend`, { epochs }),
  prioritise: (run, priority) => send("POST", `/runs/${id(run)}/priority`, { priority }),
  remove: (run) => send("DELETE", `/runs/${id(run)}`),
  /** A panel as data; `query`: scale, variant, seeds, criterion, x, individual, study. */
  panel: (name, query, signal) => send("GET", figure(name, query), undefined, signal),
  /** The same for plotly.js: `{data, layout, datarevision}`. */
  plotly: (name, query, signal) =>
    send("GET", figure(`${id(name)}/plotly`, query), undefined, signal),
  claims: (query, signal) =>
    send("GET", `/claims?${new URLSearchParams(query)}`, undefined, signal),
  plan: (request, signal) => send("POST", "/studies/plan", request, signal),
  launchStudy: (request) => send("POST", "/studies", request),
  studies: (query, signal) =>
    send("GET", `/studies?${new URLSearchParams(query)}`, undefined, signal),
  study: (study) => send("GET", `/studies/${id(study)}`),
  cancelStudy: (study) => send("POST", `/studies/${id(study)}/cancel`),
  removeStudy: (study) => send("DELETE", `/studies/${id(study)}`),
  file,
  /** The newest race, or that of `study`; null where there is none. */
  race: (query, signal) =>
    send("GET", `/studies/race?${new URLSearchParams(query)}`, undefined, signal),
  /** Addresses for plain links. */
  figureUrl: (name, format, query) => API + figure(`${id(name)}.${format}`, query),
  metricsUrl: (run, format) => `${API}/runs/${id(run)}/metrics?format=${format}`,
  streamUrl: (after) => `${API}/stream?topics=runs${after === null ? "" : `&after=${after}`}`,
};
