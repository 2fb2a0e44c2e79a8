/** Cancels runs. Where studies want them, it first says which, and asks what is to be cancelled. */

import { api } from "../app/api.js";
import { loadRun } from "../app/feed.js";
import { plural } from "../app/format.js";
import { putRun } from "../app/store.js";
import { ENDED } from "../app/words.js";
import { ask } from "./ask-dialog.js";

/** Ids of the studies that want the run. */
export function studiesOf({ demands }) {
  const owners = demands.filter(({ withdrawn }) => !withdrawn).map(({ owner }) => owner.split(":"));
  return [...new Set(owners.filter(([kind]) => kind === "study").map(([, id]) => id))];
}

/** Cancel the runs with these ids, of those that have not ended. May throw a Problem. */
export async function cancelRuns(ids) {
  const runs = (await Promise.all(ids.map(loadRun))).filter(({ state }) => !ENDED.has(state));
  const found = [...new Set(runs.flatMap(studiesOf))];
  const studies = await Promise.all(found.map(api.study));
  const cancel = async (everywhere) => {
    for (const { id } of runs) putRun(await api.cancel(id, everywhere));
  };
  if (!studies.length) {
    await cancel(false);
    return;
  }
  const [it, its] = runs.length === 1 ? ["this run", "It is"] : [`these ${runs.length} runs`, "They are"];
  const names = studies.map(({ title, runs: n }) => `${title} (${plural(n, "run")})`);
  ask({
    title: `Cancel ${it}?`,
    text: `${its} wanted by ${names.join(" and ")}. A study goes on without what is cancelled here.`,
    yes: `Cancel ${it} only`,
    danger: true,
    act: () => cancel(true),
    others: studies.map(({ id, title, runs: n }) => [
      `Cancel ${title}: ${plural(n, "run")}`,
      () => api.cancelStudy(id),
    ]),
  });
}
