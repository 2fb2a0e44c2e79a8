/**
 * Base of the charts that grow: draws when it is seen and no more often than needed, follows theme
 * and size, and keeps the user's zoom. A chart puts `plot` and `reset` into its document, says in
 * `drawing({size, zoom, revision})` what to draw (`[traces, layout]`), calls `redraw`, and `unzoom`
 * where an axis comes to mean something else.
 *
 * The zoom is kept here and not by Plotly's uirevision, which keeps each end of a range for itself:
 * where the usual range moves while the user looks at a part, one end would be the user's.
 */

import { h } from "../app/dom.js";
import { Pace } from "../app/pacing.js";
import { onThemeChange } from "../app/palette.js";
import { CONFIG } from "../app/plot-layout.js";
import { loadPlotly } from "../app/plotly.js";
import { LiveElement } from "./live-element.js";

export class LiveChart extends LiveElement {
  zoom = { x: null, y: null };
  revision = 0;
  plot = h("div", { class: "plot", role: "img" });
  reset = h(
    "button",
    { type: "button", class: "button tight quiet", hidden: true, onclick: () => this.resetZoom() },
    "Reset zoom",
  );

  start() {
    this.pace = new Pace(this, () => this.draw());
    this.onEnd(() => this.pace.end());
    this.onEnd(onThemeChange(() => this.redraw({ soon: true })));
    const resized = new ResizeObserver(() => this.redraw({ soon: true }));
    resized.observe(this.plot);
    this.onEnd(() => resized.disconnect());
    if (this.view) this.update(this.view);
  }

  stop() {
    if (this.isDrawn) window.Plotly.purge(this.plot);
    this.isDrawn = false;
  }

  /** `soon`: the user waits for it. */
  redraw({ soon = false } = {}) {
    this.pace.request({ soon });
  }

  async draw() {
    let Plotly;
    try {
      Plotly = await loadPlotly();
    } catch (error) {
      this.plot.replaceChildren(h("p", { class: "notice bad" }, error.message));
      return;
    }
    const size = { width: this.plot.clientWidth, height: this.plot.clientHeight };
    if (!this.isConnected || !size.width) return;
    this.revision += 1;
    const { zoom, revision } = this;
    await Plotly.react(this.plot, ...this.drawing({ size, zoom, revision }), CONFIG);
    if (!this.isDrawn) this.listenToPlot();
    this.isDrawn = true;
  }

  listenToPlot() {
    this.plot.on("plotly_relayout", (change) => {
      for (const letter of ["x", "y"]) {
        const axis = `${letter}axis`;
        if (!Object.keys(change).some((key) => key.startsWith(`${axis}.range`))) continue;
        this.zoom[letter] = [...this.plot.layout[axis].range];
        this.reset.hidden = false;
      }
    });
    this.plot.on("plotly_doubleclick", () => this.resetZoom());
  }

  /** Forget how the user zoomed the axes with these letters. */
  unzoom(...letters) {
    for (const letter of letters) this.zoom[letter] = null;
    this.reset.hidden = !this.zoom.x && !this.zoom.y;
  }

  resetZoom() {
    this.unzoom("x", "y");
    this.redraw({ soon: true });
  }
}
