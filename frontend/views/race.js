/** <race-view>: true labels against random labels: two runs beside each other, and what came of it. */

import { panelOf, PANELS } from "../app/catalogue.js";
import { api, Problem } from "../app/api.js";
import { h, reconcile, setSentence, setText } from "../app/dom.js";
import { completeCurve, loadRun } from "../app/feed.js";
import { LiveFetch } from "../app/live-fetch.js";
import { panelPath } from "../app/router.js";
import { curveOf, store, watch } from "../app/store.js";
import { ACTIVE } from "../app/words.js";
import "../elements/race-chart.js";
import "../elements/race-lane.js";
import { LiveElement } from "../elements/live-element.js";

/** What is launched where there is no race yet. */
const FIRST = { study: "race", scale: "full" };

class RaceView extends LiveElement {
  build() {
    document.title = "The race · Rethink";
    this.about = h("p", { class: "soft" });
    this.lanes = h("div", { class: "lanes" });
    this.sentence = h("p", { class: "race-sentence" });
    this.figure = h("a");
    this.ends = h(
      "p",
      { class: "soft" },
      "These two runs are the ends of the curve of ",
      this.figure,
      ".",
    );
    this.button = h("button", { type: "button", class: "button" });
    this.button.addEventListener("click", () => this.act());
    this.wrong = h("p", { class: "wrong", role: "alert" });
    this.chart = h("race-chart", { class: "card" });
    this.body = h("div", { class: "race-body", hidden: true }, this.lanes, this.chart);
    this.append(
      h(
        "article",
        { class: "race" },
        h("header", {}, h("h1", {}, "True labels against random labels"), this.about),
        this.sentence,
        this.body,
        this.ends,
        h("div", { class: "actions" }, this.button, this.wrong),
      ),
    );
    this.ends.hidden = this.button.hidden = true;
  }

  start() {
    this.source = new LiveFetch((signal) => this.load(signal));
    this.onEnd(() => this.source.end());
    this.source.now();
  }

  stop() {
    this.unwatch?.();
    this.ids = "";
  }

  async load(signal) {
    const study = this.query?.get("study");
    try {
      this.take(await api.race(study ? { study } : {}, signal));
      setText(this.wrong, "");
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof Problem)) throw error;
      if (error.status !== 0 && error.status !== 401) setSentence(this.wrong, error.message);
    }
  }

  take(race) {
    if (!this.isConnected) return;
    this.race = race;
    this.showStudy();
    if (!race) return;
    const ids = race.lanes.filter(({ state }) => state !== null).map((lane) => lane.run_id);
    this.source.follow(ids);
    if (ids.join() !== this.ids) {
      this.ids = ids.join();
      this.unwatch?.();
      const topics = ids.flatMap((id) => [`run:${id}`, `curve:${id}`]);
      this.unwatch = watch(topics, () => this.showLanes());
    }
    for (const id of ids) {
      loadRun(id).catch(() => {});
      completeCurve(id);
    }
    this.showLanes();
  }

  showStudy() {
    const { race } = this;
    const state = race?.study.state;
    this.body.hidden = !race;
    this.button.hidden = state === "complete";
    this.button.classList.toggle("main", !race);
    const word = race ? "Go on" : "Start the race";
    setText(this.button, race && ACTIVE.has(state) ? "Cancel" : word);
    setText(this.about, aboutOf(race));
    setSentence(this.sentence, race?.sentence ?? "");
    this.sentence.hidden = !race;
    this.sentence.classList.toggle("ended", state === "complete");
    if (!race) return;
    const { scale, variant, criterion } = race.study.request;
    this.ends.hidden = !race.in_figure;
    const figure = panelOf("figure-1bc");
    setText(this.figure, `${PANELS[figure].title} at ${scale} scale`);
    this.figure.href = panelPath(figure, { scale, variant, ...(criterion ? { criterion } : {}) });
  }

  showLanes() {
    const lanes = this.race.lanes.map((lane) => ({
      lane,
      run: store.runs.get(lane.run_id),
      curve: curveOf(lane.run_id).slice(0, lane.fit === "running" ? lane.limit : lane.epochs),
    }));
    reconcile(
      this.lanes,
      lanes,
      ({ lane }) => lane.labels,
      () => h("race-lane", { class: "card" }),
    );
    this.chart.update({
      race: this.race,
      lanes: lanes.map(({ lane, curve }) => ({
        ...lane,
        curve,
        colour: `var(--${lane.labels.replace(" ", "-")})`,
      })),
    });
  }

  async act() {
    const { race } = this;
    const goesOn = race && ACTIVE.has(race.study.state);
    this.button.disabled = true;
    try {
      if (goesOn) await api.cancelStudy(race.study.id);
      else await api.launchStudy(race ? race.study.request : FIRST);
      await this.source.now();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setSentence(this.wrong, error.message);
    } finally {
      this.button.disabled = false;
    }
  }
}

function aboutOf(race) {
  const network = race ? race.model_title : "A small network";
  const goal = race ? race.criterion : "training accuracy of 98 %";
  return `${network} learns the same images twice: once with their true labels, once with labels drawn at random. Each goes on until it has a ${goal}. The second can only memorise.`;
}

customElements.define("race-view", RaceView);
