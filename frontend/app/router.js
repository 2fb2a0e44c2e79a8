/**
 * Which view the address asks for: `#/`, `#/launch?preset=demo`, `#/runs/<id>`, `#/figures/1a`,
 * `#/race?study=<id>`,
 * `#/compare?run=<id>&run=<id>`.
 */

/** The route of the current address: `{name, id, query}`. */
export function currentRoute() {
  const [path, search = ""] = location.hash.replace(/^#/, "").split("?");
  const [name = "", id] = path.split("/").filter(Boolean);
  const query = new URLSearchParams(search);
  if (name === "") return { name: "overview", query };
  if (name === "launch" && !id) return { name: "launch", query };
  if (name === "compare" && !id) return { name: "compare", query };
  if (name === "race" && !id) return { name: "race", query };
  if (name === "figures" && !id) return { name: "figures", query };
  if (name === "figures" && /^[0-9a-z-]{2,20}$/.test(id)) return { name: "panel", id, query };
  if (name === "runs" && /^[0-9a-f]{6,16}$/.test(id ?? "")) return { name: "run", id, query };
  return { name: "lost", query };
}

export function go(path) {
  location.hash = path;
}

export function runPath(id) {
  return `#/runs/${encodeURIComponent(id)}`;
}

export function comparePath(ids) {
  return `#/compare?${new URLSearchParams(ids.map((id) => ["run", id]))}`;
}

export function panelPath(name, query) {
  return `#/figures/${encodeURIComponent(name)}?${new URLSearchParams(query)}`;
}

/** Note a view's settings in the address without another entry in the history. */
export function rememberQuery(entries) {
  const query = new URLSearchParams(entries.filter(([, value]) => value));
  const path = location.hash.split("?")[0] || "#/";
  history.replaceState(null, "", query.size ? `${path}?${query}` : path);
}
