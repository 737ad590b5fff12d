// Scrolling back: a real button above the oldest row, pressed by itself when it
// comes into view.

/** @import {Message} from "../types.d.ts" */
/** @import {Texts} from "../lib/texts.js" */
/** @import {Log} from "./log.js" */

import { compare } from "../lib/eventid.js";
import { getMessages } from "../net/api.js";
import { $ } from "./dom.js";

export class History {
  #button = $("older");
  #room;
  #texts;
  #log;
  #busy = false;
  #observer = new IntersectionObserver(([entry]) => entry.isIntersecting && this.#load(), {
    root: $("log"),
    rootMargin: "200px 0px 0px 0px",
  });

  /**
   * @param {string} room
   * @param {Texts} texts
   * @param {Log} log
   * @param {boolean} older whether there are messages before the first row
   */
  constructor(room, texts, log, older) {
    this.#room = room;
    this.#texts = texts;
    this.#log = log;
    this.#button.addEventListener("click", () => this.#load());
    log.onTrimmed = () => this.#offer(true);
    this.#offer(older);
  }

  /** Loads the newest page around what the stream brings after a gap, or after the log was cleared. */
  async reload() {
    const all = this.#log.oldest === "";
    try {
      const { messages, before } = await getMessages(this.#room);
      this.#merge(messages);
      if (all) this.#offer(before !== null);
    } catch {
      if (all) this.#offer(true);
    }
  }

  /**
   * Puts the newest page around the rows that are there, which are a run of it
   * or go on from it.
   * @param {Message[]} messages
   */
  #merge(messages) {
    const { oldest } = this.#log;
    if (oldest) this.#log.prepend(messages.filter((m) => compare(m.id, oldest) < 0));
    this.#log.append(messages);
  }

  async #load() {
    if (this.#busy || this.#button.hidden) return;
    this.#busy = true;
    this.#button.textContent = this.#texts.t("log.older.loading");
    try {
      const { messages, before } = await getMessages(this.#room, this.#log.oldest);
      this.#log.prepend(messages);
      this.#offer(before !== null && messages.length > 0);
    } catch {
      this.#observer.disconnect(); // only a click tries again
      this.#button.textContent = this.#texts.t("log.older.failed");
    }
    this.#busy = false;
  }

  /** @param {boolean} older */
  #offer(older) {
    this.#button.textContent = this.#texts.t("log.older");
    const focused = document.activeElement === this.#button;
    this.#button.hidden = !older;
    if (focused && !older) $("log").focus({ preventScroll: true }); // else it would be nowhere
    // Observed anew, so that it fires again if it is still in view.
    this.#observer.disconnect();
    if (older) this.#observer.observe(this.#button);
  }
}
