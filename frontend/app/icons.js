/** Icons, drawn on a grid of 16 × 16 with the colour of the text around them. */

import { svg } from "./dom.js";

const RING = "M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13";

const PATHS = {
  queued: [RING, "M8 4.5v3.8l2.4 1.6"],
  running: ["M14.5 8A6.5 6.5 0 1 1 8 1.5"],
  paused: ["M5.5 3.5v9", "M10.5 3.5v9"],
  succeeded: ["M2.5 8.5l3.8 4L13.5 4"],
  failed: ["M3.5 3.5l9 9", "M12.5 3.5l-9 9"],
  cancelled: [RING, "M3.6 12.4l8.8-8.8"],
  diverged: ["M1.5 10l2.5-3l2.5 4L9 4.5l2 7.5L14.5 1.5"],
  partial: [RING, "M8 1.5v13", "M8 4.5h4.4M8 8h6.2M8 11.5h4.4"],
  unlike: ["M3 6h10", "M3 10h10", "M10.5 2.5l-5 11"],
  worker: ["M4.5 4.5h7v7h-7z", "M6.5 1.5v3m3-3v3m-3 7v3m3-3v3m-8-8h3m-3 3h3m7-3h3m-3 3h3"],
  menu: ["M2.5 4h11", "M2.5 8h11", "M2.5 12h11"],
  up: ["M8 13V3", "M3.5 7.5L8 3l4.5 4.5"],
  down: ["M8 3v10", "M3.5 8.5L8 13l4.5-4.5"],
};

export function icon(name, size = 14) {
  const paths = (PATHS[name] ?? PATHS.queued).map((d) => svg("path", { d }));
  return svg(
    "svg",
    {
      viewBox: "0 0 16 16",
      width: size,
      height: size,
      "stroke-width": 1.7,
      "aria-hidden": "true",
      class: name === "running" ? "turning" : null,
    },
    paths,
  );
}
