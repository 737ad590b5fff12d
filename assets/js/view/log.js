// The message log: what is in it. Rows with an id lie in order; those on their
// way lie below them.

/** @import {Message} from "../types.d.ts" */
/** @import {Texts} from "../lib/texts.js" */
/** @import {Session} from "../store/session.js" */
/** @import {Scroll} from "./scroll.js" */

import { $, clone } from "./dom.js";
import { arrange } from "./groups.js";
import { localise, messageRow, place, write } from "./row.js";
import { Rows } from "./rows.js";

const MOST = 300; // elements that the list holds
const SLACK = 20; // elements over MOST before it trims

export class Log {
  #list = $("rows");
  #empty = $("empty");
  #rows = new Rows(this.#list);
  /** Those on their way, by nonce. @type {Map<string, HTMLElement>} */
  #pending = new Map();
  #texts;
  #session;
  #scroll;
  /** Whether the newest rows were trimmed away, so that nothing may be added below. */
  detached = false;
  /** Called when rows were trimmed above, so that there is something older again. */
  onTrimmed = () => {};
  /** Called before older rows come in. */
  onOlder = () => {};

  /**
   * @param {Texts} texts
   * @param {Session} session
   * @param {Scroll} scroll
   */
  constructor(texts, session, scroll) {
    this.#texts = texts;
    this.#session = session;
    this.#scroll = scroll;
    for (const row of this.#rows) this.#dress(row);
  }

  /** The id of the oldest row; "" if there is none. */
  get oldest() {
    return this.#rows.oldest;
  }

  /** What a new row goes in before: the first that is on its way. @returns {Element | null} */
  get end() {
    for (const row of this.#pending.values()) return row;
    return null;
  }

  /** The last element that is not on its way. @returns {Element | null} */
  get last() {
    return this.end ? this.end.previousElementSibling : this.#list.lastElementChild;
  }

  /**
   * Adds messages that came on the stream, or as answers to POSTs: nearly always
   * the newest. Gives those that are new here.
   * @param {Message[]} messages
   */
  append(messages) {
    const fresh = messages.filter((m) => !this.#settle(m) && !this.#rows.get(m.id) && !this.#rows.before(m.id));
    if (!fresh.length || this.detached) return fresh;
    this.#scroll.keep(() => {
      if (fresh.length >= MOST) this.clear();
      for (const message of fresh.slice(-MOST)) this.#lay(messageRow(message, this.#session), message.id);
      this.#trim();
    });
    if (fresh.length > MOST) this.onTrimmed();
    return fresh;
  }

  /**
   * Adds a page of older messages above.
   * @param {Message[]} messages
   */
  prepend(messages) {
    /** @type {[string, HTMLElement][]} */
    const older = messages.filter((m) => !this.#rows.get(m.id)).map((m) => [m.id, messageRow(m, this.#session)]);
    this.onOlder();
    this.#scroll.keep(() => {
      const next = this.#rows.stack(older);
      for (const [, row] of older) this.#dress(row);
      if (next) arrange(next, this.#texts);
      this.#trim();
    });
  }

  /**
   * Shows a message that is on its way.
   * @param {Message} message with an empty id
   */
  addPending(message) {
    const row = messageRow(message, this.#session);
    row.classList.add("pending");
    row.dataset.nonce = message.nonce;
    this.#pending.set(message.nonce ?? "", row);
    this.#list.append(row);
    this.#dress(row);
  }

  /** @param {string} nonce */
  pending(nonce) {
    return this.#pending.get(nonce);
  }

  /** @param {string} nonce */
  removePending(nonce) {
    const row = this.#pending.get(nonce);
    const next = row?.nextElementSibling;
    row?.remove();
    this.#pending.delete(nonce);
    if (next instanceof HTMLElement) arrange(next, this.#texts);
    this.#empty.hidden = this.#list.childElementCount > 0;
  }

  /** Takes everything away but what is on its way. */
  clear() {
    this.#rows.clear();
    this.#list.replaceChildren(...this.#pending.values());
    this.detached = false;
  }

  /** @param {Element} element a notice, a rule: anything but a message */
  add(element) {
    if (this.detached) return;
    this.#empty.hidden = true;
    this.#scroll.keep(() => this.#list.insertBefore(element, this.end));
  }

  /** Says below the newest row that something may be missing. */
  markGap() {
    if (this.oldest) this.add(clone("gap-template"));
  }

  /** Marks where those begin that came while nobody looked. @param {string} id */
  markUnread(id) {
    const row = this.#rows.get(id);
    if (!row) return;
    this.#scroll.keep(() => {
      row.before(clone("unread-template"));
      arrange(row, this.#texts);
    });
  }

  unmarkUnread() {
    this.#scroll.keep(() => {
      for (const rule of this.#list.querySelectorAll(".rule.unread")) {
        const next = rule.nextElementSibling;
        rule.remove();
        if (next instanceof HTMLElement && next.matches(".message")) arrange(next, this.#texts);
      }
    });
  }

  /**
   * Makes the sender's row the message's own. Reports whether there was one.
   * @param {Message} message
   */
  #settle({ id, nonce = "", author, at, text }) {
    const row = author.id === this.#session.id ? this.#pending.get(nonce) : undefined;
    if (!row) return false;
    this.#scroll.keep(() => {
      this.removePending(nonce);
      if (this.#rows.get(id) || this.detached) return;
      row.querySelector(".delivery")?.remove();
      row.classList.remove("pending", "failed");
      place(row, id, at);
      write(row, text);
      this.#lay(row, id);
    });
    return true;
  }

  /**
   * @param {HTMLElement} row
   * @param {string} id
   */
  #lay(row, id) {
    const next = this.#rows.lay(row, id, this.end) ?? this.end;
    this.#dress(row);
    if (next instanceof HTMLElement) arrange(next, this.#texts);
  }

  /** @param {HTMLElement} row */
  #dress(row) {
    localise(row, this.#texts);
    arrange(row, this.#texts);
    this.#empty.hidden = true;
  }

  /** Takes rows away at the end that is farther from the reader. */
  #trim() {
    if (this.#list.childElementCount - this.#pending.size <= MOST + SLACK) return;
    const above = !this.#scroll.nearerTop;
    while (this.#list.childElementCount - this.#pending.size > MOST) {
      this.#rows.drop(above ? this.#list.firstElementChild : this.last);
    }
    for (const first of this.#rows) {
      arrange(first, this.#texts);
      break;
    }
    if (above) this.onTrimmed();
    else this.detached = true;
  }
}
