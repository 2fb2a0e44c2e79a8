/** Draws charts no more often than needed: in one frame, twice a second, and only where seen. */

const INTERVAL = 500;

/** Paces `draw` for the element `host`; `request()` asks for a drawing, `end()` ends it all. */
export class Pace {
  constructor(host, draw) {
    this.draw = draw;
    this.last = -Infinity;
    this.wanted = false;
    this.seen = false;
    this.observer = new IntersectionObserver(([entry]) => {
      this.seen = entry.isIntersecting;
      this.schedule();
    });
    this.observer.observe(host);
    this.onShown = () => this.schedule();
    document.addEventListener("visibilitychange", this.onShown);
  }

  /** `soon`: the user waits for it, so do not pace it. */
  request({ soon = false } = {}) {
    this.wanted = true;
    if (soon) this.last = -Infinity;
    this.schedule();
  }

  schedule() {
    if (!this.wanted || !this.seen || document.hidden) return;
    clearTimeout(this.timer);
    const wait = Math.max(0, this.last + INTERVAL - performance.now());
    this.timer = setTimeout(() => {
      cancelAnimationFrame(this.frame);
      this.frame = requestAnimationFrame(() => this.flush());
    }, wait);
  }

  flush() {
    if (!this.wanted) return;
    this.wanted = false;
    this.last = performance.now();
    this.draw();
  }

  end() {
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    this.observer.disconnect();
    document.removeEventListener("visibilitychange", this.onShown);
  }
}
