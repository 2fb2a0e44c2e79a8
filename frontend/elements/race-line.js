/** <race-line>: the newest race in one line, with the way to it; hidden where there is none. */

import { api, Problem } from "../app/api.js";
import { h, setSentence, setText } from "../app/dom.js";
import { LiveFetch } from "../app/live-fetch.js";
import { LiveElement } from "./live-element.js";

class RaceLine extends LiveElement {
  build() {
    this.told = h("p");
    this.link = h("a", { class: "button", href: "#/race" });
    this.append(h("div", { class: "card race-line" }, this.told, this.link));
    this.hidden = true;
  }

  start() {
    this.source = new LiveFetch((signal) => this.load(signal));
    this.onEnd(() => this.source.end());
    this.source.now();
  }

  async load(signal) {
    try {
      const race = await api.race({}, signal);
      this.hidden = race === null;
      if (race === null) return;
      this.source.follow(race.lanes.map((lane) => lane.run_id));
      setSentence(this.told, race.sentence);
      setText(this.link, race.study.state === "complete" ? "See the race" : "Watch the race");
    } catch (error) {
      if (!(error instanceof Problem)) throw error; // the dot on top tells that nothing answers
    }
  }
}

customElements.define("race-line", RaceLine);
