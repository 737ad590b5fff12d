// One room's stream, kept alive. No DOM: it runs in a page or in a worker.

/** @import {News, State} from "../types.d.ts" */

import { fullJitter, retryAfter } from "../lib/backoff.js";

const OPENING = 10_000; // milliseconds until a try that brought nothing is given up
const PROBE = 5_000; // milliseconds
const KINDS = /** @type {const} */ (["notice", "presence", "typing", "status", "rooms", "bye"]);

/** What a stream needs of the world; tests bring their own. */
const world = {
  /** @param {string} url */
  open: (url) => new EventSource(url),
  /** @type {typeof fetch} */
  fetch: (...args) => fetch(...args),
  now: () => Date.now(),
  random: () => Math.random(),
  /** A hint, no more: a server on this machine is there without any network. */
  online: () => navigator.onLine,
};

export class Stream {
  #room;
  #tell;
  #world;
  /** The id after which the next stream is to continue; "" if there is none. */
  #position;
  /** @type {EventSource | null} */
  #source = null;
  /** @type {State} */
  #state = "suspended";
  #greeted = false; // whether this source has brought a hello
  #attempt = 0;
  #heard = 0; // when anything last came, by the clock: timers are throttled in hidden pages
  #silence = 31_000; // milliseconds without a word after which the stream is taken for dead
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #watch;

  /**
   * @param {string} room
   * @param {string} position the id after which to begin; "" for the newest messages
   * @param {(news: News) => void} tell
   */
  constructor(room, position, tell, w = world) {
    this.#room = room;
    this.#position = position;
    this.#tell = tell;
    this.#world = w;
  }

  get state() {
    return this.#state;
  }

  get position() {
    return this.#position;
  }

  start() {
    if (this.#state !== "suspended") return;
    this.#watch = setInterval(() => this.check(), 5_000);
    this.#open("connecting");
  }

  stop() {
    clearInterval(this.#watch);
    this.#close();
    this.#enter("suspended");
  }

  /** Tries now, if it is waiting to. */
  retry() {
    if (this.#state === "waiting" || this.#state === "offline") this.#open("reconnecting");
  }

  /** Opens the stream anew, where it was. */
  reopen() {
    if (this.#state !== "suspended") this.#open("reconnecting");
  }

  /** Looks whether the stream is still alive; for when the page comes back. */
  check() {
    if (this.#state === "live" && this.#world.now() - this.#heard > this.#silence) this.#open("reconnecting");
    if (this.#state === "offline" && this.#world.online()) this.#open("reconnecting");
  }

  /** @param {State} state */
  #open(state) {
    this.#close();
    const query = new URLSearchParams({ room: this.#room });
    if (this.#position) query.set("last_event_id", this.#position);
    const source = this.#world.open(`/events?${query}`);
    this.#source = source;
    this.#greeted = false;
    source.addEventListener("hello", (e) => this.#welcome(e));
    source.addEventListener("message", (e) => this.#hear("message", e));
    source.addEventListener("open", () => this.#noteAlive());
    source.addEventListener("ping", () => this.#noteAlive());
    for (const kind of KINDS) source.addEventListener(kind, (e) => this.#hear(kind, e));
    source.addEventListener("error", () => this.#fail(source));
    this.#arm();
    this.#enter(state);
  }

  #close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #arm(patience = OPENING) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#wait(0), patience);
  }

  /** One that is spoken to before its hello keeps its turn: who comes anew is the last in line. */
  #noteAlive() {
    this.#heard = this.#world.now();
    if (!this.#greeted) this.#arm(this.#silence);
  }

  /** @param {MessageEvent} e */
  #welcome(e) {
    clearTimeout(this.#timer);
    this.#attempt = 0;
    this.#greeted = true;
    const data = JSON.parse(e.data);
    if (data.heartbeat > 0) this.#silence = 2_000 * data.heartbeat + 1_000;
    this.#take(e);
    this.#enter("live");
    this.#tell({ type: "hello", data });
  }

  /**
   * @param {Exclude<News["type"], "state" | "hello">} type
   * @param {MessageEvent} e
   */
  #hear(type, e) {
    this.#take(e);
    this.#tell({ type, data: JSON.parse(e.data) });
  }

  /** @param {MessageEvent} e */
  #take(e) {
    this.#noteAlive();
    if (e.lastEventId) this.#position = e.lastEventId;
  }

  /** @param {EventSource} source */
  #fail(source) {
    if (source !== this.#source) return;
    if (source.readyState === 2) return void this.#probe(source); // CLOSED: it will not try again by itself
    if (!this.#greeted || !this.#world.online()) return this.#wait(0); // a try of ours: the pace is ours too
    if (this.#state !== "live") return; // it goes on trying, as long as #arm lets it
    this.#arm();
    this.#enter("reconnecting");
  }

  /**
   * Learns why the stream was refused: EventSource does not say.
   * @param {EventSource} source
   */
  async #probe(source) {
    this.#enter(this.#trying);
    let wait = 0;
    try {
      const answer = await this.#world.fetch(source.url, { cache: "no-store", signal: AbortSignal.timeout(PROBE) });
      wait = retryAfter(answer.headers.get("Retry-After"), this.#world.now());
      await answer.body?.cancel();
    } catch {
      // Nobody answers; the back-off is all there is to do.
    }
    if (source === this.#source) this.#wait(wait);
  }

  /** @param {number} least milliseconds */
  #wait(least) {
    this.#close();
    const delay = Math.max(least, fullJitter(this.#attempt++, this.#world.random()));
    this.#timer = setTimeout(() => this.#open(this.#trying), delay);
    if (this.#world.online()) this.#enter("waiting", this.#world.now() + delay);
    else this.#enter("offline");
  }

  /** What a try that nobody asked for is shown as: one without a network has little hope. @returns {State} */
  get #trying() {
    return this.#world.online() ? "reconnecting" : "offline";
  }

  /**
   * @param {State} state
   * @param {number} [retryAt]
   */
  #enter(state, retryAt) {
    if (state === this.#state && retryAt === undefined) return;
    this.#state = state;
    this.#tell({ type: "state", state, retryAt });
  }
}
