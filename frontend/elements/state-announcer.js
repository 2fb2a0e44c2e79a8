/** <state-announcer>: tells screen readers when a run changes its state, and nothing else. */

import { onStateChange } from "../app/feed.js";
import { runTitle, standing } from "../app/words.js";

const CLEAR_AFTER = 6000;

class StateAnnouncer extends HTMLElement {
  connectedCallback() {
    onStateChange((run) => {
      const line = document.createElement("p");
      line.textContent = `${runTitle(run)}: ${standing(run).word.toLowerCase()}`;
      this.append(line);
      setTimeout(() => line.remove(), CLEAR_AFTER);
    });
  }
}

customElements.define("state-announcer", StateAnnouncer);
