/** What can be asked for, as the server tells it: filled in before the first view is shown. */

/** By name: `{title, color, …}`. */
export const MODELS = {};
export const RANDOMIZATIONS = {};
export const DATASETS = {};
/** `short`: the name on a tab; `study`: whose runs the panel reads; `kind`: curves, points, rows. */
export const PANELS = {};
/** `title`, and `scales` at which there is such a study. */
export const STUDIES = {};
/** `title`: when a run has fitted. */
export const CRITERIA = {};

export function learn({ models, randomizations, datasets, panels, studies, criteria }) {
  fill(MODELS, models);
  fill(RANDOMIZATIONS, randomizations);
  fill(DATASETS, datasets);
  fill(STUDIES, studies);
  fill(CRITERIA, criteria);
  const short = ({ title }) => title.replace(/^Figure /, "");
  fill(
    PANELS,
    panels.map((panel) => ({ ...panel, short: short(panel) })),
  );
}

function fill(known, listed) {
  for (const name of Object.keys(known)) delete known[name];
  for (const one of listed) known[one.name] = one;
}

/** Names of the panels that judge a claim of the paper, and of the others. */
export const panelsOfThePaper = () => Object.keys(PANELS).filter((name) => PANELS[name].claim);
export const panelsBeyond = () => Object.keys(PANELS).filter((name) => !PANELS[name].claim);

/** The first panel that reads a study's runs. */
export const panelOf = (study) => Object.keys(PANELS).find((name) => PANELS[name].study === study);
/** The panel that compares any runs. */
export const comparison = () =>
  Object.keys(PANELS).find((name) => PANELS[name].takes_runs && !PANELS[name].corrupted);

/** Whether there is such a study at the selection's scale. */
export const isOffered = (study, { scale }) => STUDIES[study]?.scales.includes(scale) ?? true;

/** The title of a model, a randomization or a dataset; one that is gone is called by its name. */
export function titleOf(name) {
  const known = [MODELS, RANDOMIZATIONS, DATASETS].find((names) => Object.hasOwn(names, name));
  return known?.[name].title ?? name;
}
