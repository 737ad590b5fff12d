// Messages that came, handed on once a frame: two hundred a second are then
// three or four at a time, and the reader's keys come between.

/** @import {Message} from "../types.d.ts" */

const HIDDEN = 200; // milliseconds; a hidden page has no frames

export class Inbox {
  /** @type {Message[]} */
  #waiting = [];
  #due = false;
  #receive;

  /** @param {(messages: Message[]) => void} receive */
  constructor(receive) {
    this.#receive = receive;
  }

  /** @param {Message} message */
  add(message) {
    this.#waiting.push(message);
    if (this.#due) return;
    this.#due = true;
    if (document.hidden) setTimeout(() => this.flush(), HIDDEN);
    else requestAnimationFrame(() => this.flush());
    // A page that is hidden before the frame gets none.
    setTimeout(() => this.flush(), 2 * HIDDEN);
  }

  flush() {
    this.#due = false;
    if (this.#waiting.length) this.#receive(this.#waiting.splice(0));
  }
}
