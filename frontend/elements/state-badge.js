/** <state-badge>: how a run stands, as an icon and a word; colour only repeats them. */

import { icon } from "../app/icons.js";
import { standing } from "../app/words.js";

class StateBadge extends HTMLElement {
  update(run) {
    const { key, word } = standing(run);
    if (this.shown === word) return;
    this.shown = word;
    this.className = `state ${key}`;
    this.dataset.state = run.state;
    this.replaceChildren(icon(key), word);
  }
}

customElements.define("state-badge", StateBadge);
