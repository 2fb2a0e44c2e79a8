/** Requests to the API. Every error becomes a `Problem` with a sentence to show. */

const API = "/api/v1";

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

async function send(method, path, body, signal) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-Rethink"] = "1";
  if (body !== undefined) headers["Content-Type"] = "application/json";
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
  const { title, detail, errors } = content ?? {};
  throw new Problem(
    response.status,
    title ?? "Unexpected answer",
    detail ?? `The server answered with status ${response.status}.`,
    errors,
  );
}

const id = encodeURIComponent;

function figure(path, query) {
  return `/figures/${path}?${new URLSearchParams(query)}`;
}

export const api = {
  /** Answers with its content also when the database is down. */
  health: () => fetch(`${API}/health`).then((response) => response.json()),
  signIn: (token) => send("POST", "/session", { token }),
  signOut: () => send("DELETE", "/session"),
  capabilities: () => send("GET", "/capabilities"),
  workers: () => send("GET", "/workers"),
  runs: (query, signal) => send("GET", `/runs?${new URLSearchParams(query)}`, undefined, signal),
  run: (run) => send("GET", `/runs/${id(run)}`),
  metrics: (run, first = 1) => send("GET", `/runs/${id(run)}/metrics?first=${first}`),
  create: (request) => send("POST", "/runs", request),
  estimate: (request, signal) => send("POST", "/runs/estimate", request, signal),
  /** `name`: cancel, pause, resume or retry. */
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
  cancelStudy: (study) => send("POST", `/studies/${id(study)}/cancel`),
  removeStudy: (study) => send("DELETE", `/studies/${id(study)}`),
  /** The newest race, or that of `study`; null where there is none. */
  race: (query, signal) =>
    send("GET", `/studies/race?${new URLSearchParams(query)}`, undefined, signal),
  /** Addresses for plain links. */
  figureUrl: (name, format, query) => API + figure(`${id(name)}.${format}`, query),
  metricsUrl: (run, format) => `${API}/runs/${id(run)}/metrics?format=${format}`,
  streamUrl: (after) => `${API}/stream?topics=runs${after === null ? "" : `&after=${after}`}`,
};
