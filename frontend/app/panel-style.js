/** Colour and mark of each condition: the same meaning looks the same on every figure. */

const STYLES = {
  true_labels: ["--true-labels", "circle"],
  random_labels: ["--random-labels", "square"],
  shuffled_pixels: ["--shuffled-pixels", "triangle-up"],
  random_pixels: ["--random-pixels", "diamond"],
  gaussian: ["--gaussian", "triangle-down"],
  inception: ["--true-labels", "circle"],
  alexnet: ["--random-labels", "square"],
  "mlp-1x512": ["--shuffled-pixels", "triangle-up"],
  "mlp-3x512": ["--random-pixels", "diamond"],
  none: ["--true-labels", "circle"],
  weight_decay: ["--gaussian", "triangle-down"],
  all: ["--shuffled-pixels", "triangle-up"],
  with_bn: ["--true-labels", "circle"],
  without_bn: ["--random-labels", "square"],
  with_bn_same_setting: ["--same-setting", "diamond"],
  bn_down: ["--shuffled-pixels", "triangle-up"],
  train_accuracy: ["--random-labels", "square"],
  test_accuracy: ["--true-labels", "circle"],
};
const COLOURS = [
  ...["--true-labels", "--random-labels", "--shuffled-pixels", "--random-pixels"],
  ...["--gaussian", "--corrupted-labels", "--same-setting"],
];
const MARKS = ["circle", "square", "triangle-up", "diamond", "triangle-down"];

/** `{colour, mark}` of a condition: CSS and Plotly's word; by its place where it has none. */
function styleOf(key, place) {
  const [name, mark] = (Object.hasOwn(STYLES, key) && STYLES[key]) || [
    COLOURS[place % COLOURS.length],
    MARKS[place % MARKS.length],
  ];
  return { colour: `var(${name})`, mark };
}

/** The conditions of a panel in order, each with its style: key -> `{colour, mark}`. */
export function stylesOf({ series, references, scale }) {
  const keys = [...new Set([...series, ...references].map(({ key }) => key))];
  const named = scale === "custom"; // then keys are names that users gave, and mean nothing here
  return new Map(keys.map((key, i) => [key, styleOf(named ? "" : key, i)]));
}

/** Outlines of the marks on a grid of 10 × 10, for legends and previews. */
export const MARK_PATHS = {
  circle: "M5 1.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7z",
  square: "M2 2h6v6h-6z",
  "triangle-up": "M5 1.2l4 7h-8z",
  "triangle-down": "M5 8.8l4-7h-8z",
  diamond: "M5 .7l4.3 4.3l-4.3 4.3l-4.3-4.3z",
};
