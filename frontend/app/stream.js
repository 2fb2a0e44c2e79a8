/**
 * The server's events, over one connection a browser.
 *
 * The tab that holds the Web Lock listens and tells the others over a BroadcastChannel. When it is
 * closed the next tab takes the lock and goes on after the last event it heard, so none is lost.
 * Without locks (plain HTTP to another host) every tab listens for itself.
 */

import { api } from "./api.js";

const NAME = "rethink-stream";
const KINDS = [
  "hello",
  "created",
  "state",
  "epoch",
  "progress",
  "deleted",
  "worker",
  "study",
  "reset",
  "ping",
];
const RETRY = [400, 800, 1500, 3000, 5000];
const OFFLINE_AFTER = 8000;
const SILENT_AFTER = 30_000; // the server pings every 10 s

export class Stream {
  /** `onEvent(kind, data)` for each event, once; `onStatus(status)` when the connection changes. */
  constructor(onEvent, onStatus) {
    this.onEvent = onEvent;
    this.onStatus = onStatus;
    this.seq = null; // of the last event heard
    this.status = "connecting"; // then live, reconnecting, offline or silent
    this.heardAt = 0;
    this.leads = false;
    this.failures = 0;
    this.failingSince = null;
  }

  start() {
    this.heardAt = Date.now();
    this.watchdog = setInterval(() => this.checkForSilence(), 1000);
    if (!("locks" in navigator) || !("BroadcastChannel" in window)) {
      this.lead();
      return;
    }
    this.channel = new BroadcastChannel(NAME);
    this.channel.onmessage = ({ data }) => this.hear(data);
    this.channel.postMessage({ ask: true });
    const held = new Promise((release) => (this.release = release));
    navigator.locks.request(NAME, () => {
      if (this.stopped) return undefined;
      this.lead();
      return held;
    });
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    clearInterval(this.watchdog);
    this.source?.close();
    this.channel?.close();
    this.release?.();
  }

  /** Try again at once, if the connection is down. */
  hurry() {
    if (!this.leads || this.status === "live") return;
    this.failures = 0;
    this.connect();
  }

  lead() {
    this.leads = true;
    this.heardAt = Date.now();
    this.connect();
  }

  /** A connection over which not even pings come is dead, also where the browser does not know; so is a tab that passes none on. */
  checkForSilence() {
    const waits = this.source?.readyState === EventSource.CLOSED; // to try again
    if (waits || Date.now() - this.heardAt < SILENT_AFTER) return;
    if (!this.leads) {
      this.setStatus("silent");
      return;
    }
    this.heardAt = Date.now();
    this.changeStatus("silent");
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = new EventSource(api.streamUrl(this.seq));
    this.source.onopen = () => {
      this.failures = 0;
      this.failingSince = null;
      this.heardAt = Date.now();
      this.changeStatus("live");
    };
    this.source.onerror = () => this.retry();
    for (const kind of KINDS) {
      this.source.addEventListener(kind, (event) => {
        const seq = event.lastEventId === "" ? null : Number(event.lastEventId);
        this.take({ kind, seq, lossy: kind === "progress", data: JSON.parse(event.data) });
      });
    }
  }

  async retry() {
    this.source.close();
    this.failingSince ??= Date.now();
    const offline = Date.now() - this.failingSince > OFFLINE_AFTER;
    this.changeStatus(offline ? "offline" : "reconnecting");
    clearTimeout(this.timer);
    this.timer = setTimeout(
      () => this.connect(),
      RETRY[Math.min(this.failures++, RETRY.length - 1)],
    );
    // An EventSource does not tell why it failed. This does: a 401 leads to the sign-in view.
    if (this.failures === 2) await api.workers().catch(() => {});
  }

  /** An event off the connection: pass it on to the other tabs too. */
  take(message) {
    this.channel?.postMessage(message);
    this.hear(message);
  }

  hear(message) {
    if (message.ask) {
      if (this.leads) this.channel.postMessage({ status: this.status, seq: this.seq });
      return;
    }
    this.heardAt = Date.now();
    if (!this.leads && message.kind) this.setStatus("live");
    if (message.status) {
      if (this.seq === null && message.seq !== undefined) this.seq = message.seq;
      if (!this.leads) this.setStatus(message.status);
    } else if (message.lossy) {
      this.onEvent(message.kind, message.data);
    } else {
      const fresh = message.kind === "hello" || message.kind === "reset";
      if (!fresh && this.seq !== null && message.seq !== null && message.seq <= this.seq) return;
      if (message.seq !== null) this.seq = message.seq;
      this.onEvent(message.kind, message.data);
    }
  }

  changeStatus(status) {
    if (status !== this.status) this.channel?.postMessage({ status });
    this.setStatus(status);
  }

  setStatus(status) {
    if (status === this.status) return;
    this.status = status;
    this.onStatus(status);
  }
}
