// Messages on their way: kept over a reload, sent in order, each exactly once
// (the nonce makes a repeated POST the same message). No DOM.

/** @import {Message} from "../types.d.ts" */
/** @import {Shelf} from "./storage.js" */
/** @typedef {{nonce: string, text: string, at: string, failed?: string}} Entry
 *  failed: the code of a problem that waiting does not mend */
/** @typedef {import("../net/api.js").Problem} Problem */

import { fullJitter } from "../lib/backoff.js";

export class Outbox {
  #shelf;
  #key;
  #post;
  #on;
  /** @type {Entry[]} */
  #entries;
  #busy = false;
  #attempt = 0;
  #limited = false; // whether the server asked to wait: nothing may go out before
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {Shelf} shelf
   * @param {string} room
   * @param {(entry: Entry) => Promise<Message>} post
   * @param {{sent(message: Message, nonce: string): void, delayed(entry: Entry, problem: Problem): void, failed(entry: Entry, problem: Problem): void}} on
   */
  constructor(shelf, room, post, on) {
    this.#shelf = shelf;
    this.#key = `outbox:${room}`;
    this.#post = post;
    this.#on = on;
    this.#entries = JSON.parse(shelf.get(this.#key) ?? "[]");
  }

  /** Those not yet known to have arrived, in order. */
  get entries() {
    return [...this.#entries];
  }

  /** @param {Entry} entry */
  add(entry) {
    this.#entries.push(entry);
    this.#save();
    this.flush();
  }

  /**
   * The message came back on the stream: it has arrived, whatever the POST says.
   * Reports whether it was one of ours.
   * @param {string | undefined} nonce
   */
  settle(nonce) {
    const before = this.#entries.length;
    this.#entries = this.#entries.filter((e) => e.nonce !== nonce);
    if (this.#entries.length === before) return false;
    this.#save();
    return true;
  }

  /** @param {string} nonce */
  discard(nonce) {
    this.settle(nonce);
  }

  /** @param {string} nonce */
  retry(nonce) {
    const entry = this.#entries.find((e) => e.nonce === nonce);
    if (!entry) return;
    delete entry.failed;
    this.#save();
    this.flush();
  }

  /** Sends what waits, unless the server set a time; for when the connection is back. */
  flush() {
    if (this.#busy || this.#limited) return;
    clearTimeout(this.#timer);
    void this.#run();
  }

  async #run() {
    this.#busy = true;
    for (let entry; (entry = this.#entries.find((e) => !e.failed)); ) {
      const problem = await this.#try(entry);
      if (problem?.passing) {
        const wait = Math.max(problem.wait, problem.status === 429 ? 1_000 : fullJitter(this.#attempt++, Math.random()));
        this.#limited = problem.status === 429;
        this.#timer = setTimeout(() => {
          this.#limited = false;
          this.flush();
        }, wait);
        break;
      }
      this.#attempt = 0;
    }
    this.#busy = false;
  }

  /** @param {Entry} entry */
  async #try(entry) {
    try {
      const message = await this.#post(entry);
      this.settle(entry.nonce);
      this.#on.sent(message, entry.nonce);
    } catch (e) {
      const problem = /** @type {Problem} */ (e);
      if (!this.#entries.includes(entry)) return; // it came on the stream, or was discarded
      if (problem.passing) this.#on.delayed(entry, problem);
      else {
        entry.failed = problem.code;
        this.#save();
        this.#on.failed(entry, problem);
      }
      return problem;
    }
  }

  #save() {
    this.#shelf.set(this.#key, this.#entries.length ? JSON.stringify(this.#entries) : "");
  }
}
