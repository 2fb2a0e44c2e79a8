/** Base of the page's elements: built once, and tied to the store while it is in the document. */

import { watch } from "../app/store.js";

export class LiveElement extends HTMLElement {
  #ends = [];

  connectedCallback() {
    if (!this.isBuilt) {
      this.isBuilt = true;
      this.build?.();
    }
    this.start?.();
  }

  disconnectedCallback() {
    for (const end of this.#ends.splice(0)) end();
    this.stop?.();
  }

  /** Call `action` when a topic of the store is touched, for as long as this is in the document. */
  watch(topics, action) {
    this.onEnd(watch(topics, action));
  }

  /** Show all parts at once, when they have `loaded` or soon: what comes later would push others. */
  arrive(...loaded) {
    this.classList.add("arriving");
    const soon = new Promise((resolve) => setTimeout(resolve, 1500));
    const shown = () => this.classList.remove("arriving");
    Promise.race([Promise.allSettled(loaded), soon]).then(shown);
  }

  listen(target, type, action, options) {
    target.addEventListener(type, action, options);
    this.onEnd(() => target.removeEventListener(type, action, options));
  }

  every(milliseconds, action) {
    const timer = setInterval(() => document.hidden || action(), milliseconds);
    this.onEnd(() => clearInterval(timer));
  }

  onEnd(end) {
    this.#ends.push(end);
  }
}
