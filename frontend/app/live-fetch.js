/**
 * Fetches something again whenever the runs it rests on change: at most once in an interval, and not
 * while nobody looks. What is asked for by the user is fetched at once.
 */

import { watch } from "./store.js";

const INTERVAL = 1000; // milliseconds
const GATHER = 120; // events come in groups

export class LiveFetch {
  /** `load(signal)` fetches and shows; it calls `follow` with the runs to wait for. */
  constructor(load, interval = INTERVAL) {
    this.load = load;
    this.interval = interval;
    this.last = -Infinity;
    this.ids = "";
    this.unwatch = watch(["runs"], () => this.soon());
    this.unresync = watch(["resync"], () => this.afresh());
    this.onShown = () => this.schedule();
    document.addEventListener("visibilitychange", this.onShown);
  }

  /** Fetch again when one of these runs has another epoch. */
  follow(ids) {
    const key = ids.join();
    if (key === this.ids) return;
    this.ids = key;
    this.unfollow?.();
    this.unfollow = watch(
      ids.map((id) => `data:${id}`),
      () => this.soon(),
    );
  }

  now() {
    this.asking?.abort();
    this.asking = null;
    return this.fetch();
  }

  /** Wait no longer for what was asked before. */
  afresh() {
    this.asking?.abort();
    this.asking = null;
    this.soon();
  }

  soon() {
    this.wanted = true;
    this.schedule();
  }

  schedule() {
    if (!this.wanted || this.asking || this.timer || this.ended || document.hidden) return;
    const wait = Math.max(GATHER, this.last + this.interval - performance.now());
    this.timer = setTimeout(() => this.fetch(), wait);
  }

  async fetch() {
    clearTimeout(this.timer);
    this.timer = null;
    this.wanted = false;
    this.last = performance.now();
    const asking = (this.asking = new AbortController());
    try {
      await this.load(asking.signal);
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    } finally {
      if (this.asking === asking) {
        this.asking = null;
        this.schedule();
      }
    }
  }

  end() {
    this.ended = true;
    clearTimeout(this.timer);
    this.asking?.abort();
    this.unwatch();
    this.unresync();
    this.unfollow?.();
    document.removeEventListener("visibilitychange", this.onShown);
  }
}
