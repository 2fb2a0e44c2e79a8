/** What the charts of a run show: series, horizontal axes and the levels of pure chance. */

import { DATASETS } from "./catalogue.js";
import { loss, percent } from "./format.js";
import { randomizationColour } from "./palette.js";
import { ENDED } from "./words.js";

/** Horizontal axes: how to place an epoch's metrics, and where the axis ends. */
export const AXES = {
  epoch: {
    title: "epoch",
    place: (curve) => curve.map((metrics) => metrics.epoch),
    end: (epochs) => epochs,
  },
  step: {
    title: "optimiser step",
    place: (curve) => curve.map((metrics) => metrics.step),
    end: (epochs, run) => (run.steps_per_epoch ? epochs * run.steps_per_epoch : null),
  },
  seconds: {
    title: "seconds of training and evaluation",
    place(curve) {
      let total = 0;
      return curve.map((metrics) => (total += metrics.train_seconds + metrics.evaluation_seconds));
    },
    end: () => null,
  },
};

/** The end of the axis: the epochs asked for while a run goes on, those it has afterwards. */
export function axisEnd(axis, run, curve) {
  const epochs = ENDED.has(run.state) ? Math.max(curve.length, 1) : Math.max(run.epochs, curve.length);
  return AXES[axis].end(epochs, run);
}

function classes(run) {
  return DATASETS[run.spec.dataset]?.classes ?? null;
}

/** `field` of EpochMetrics, label, colour (CSS), dash (Plotly's word), width in pixels. */
export function lossChart(run) {
  const colour = randomizationColour(run.spec);
  const n = classes(run);
  return {
    title: "Loss",
    unit: "mean cross-entropy, nats",
    format: loss,
    series: [
      { field: "train_loss", label: "Training", colour, dash: "solid", width: 2 },
      { field: "test_loss", label: "Test", colour, dash: "4px,3px", width: 2 },
      {
        field: "online_loss",
        label: "While training",
        colour: "var(--edge)",
        dash: "1px,3px",
        width: 1.5,
      },
    ],
    reference: n && { value: Math.log(n), label: `chance,<br>ln ${n}` },
  };
}

export function accuracyChart(run, curve) {
  const colour = randomizationColour(run.spec);
  const n = classes(run);
  const all = [
    { field: "train_accuracy", label: "Training", colour, dash: "solid", width: 2 },
    { field: "test_accuracy", label: "Test", colour, dash: "4px,3px", width: 2 },
    {
      field: "clean_accuracy",
      label: "Labels still true",
      colour: "var(--series-0)",
      dash: "solid",
      width: 1.25,
    },
    {
      field: "corrupted_accuracy",
      label: "Wrong labels, as given",
      colour: "var(--series-1)",
      dash: "solid",
      width: 1.25,
    },
    {
      field: "corrupted_true_accuracy",
      label: "Wrong labels, true class",
      colour: "var(--series-2)",
      dash: "1px,3px",
      width: 1.75,
    },
  ];
  const present = ({ field }) => curve.some((metrics) => metrics[field] !== null);
  return {
    title: "Accuracy",
    unit: "fraction of images classified right",
    format: percent,
    fraction: true,
    series: all.filter((series, i) => i < 2 || present(series)),
    reference: n && { value: 1 / n, label: `chance,<br>${percent(1 / n, n > 50 ? 1 : 0)}` },
  };
}
