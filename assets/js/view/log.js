// The message log: which rows there are, and in which order. Confirmed rows lie
// by id; those on their way lie after them.

/** @import {Message} from "../types.d.ts" */
/** @import {Texts} from "../lib/texts.js" */
/** @import {Session} from "../store/session.js" */
/** @import {Scroll} from "./scroll.js" */

import { compare } from "../lib/eventid.js";
import { arrange } from "./groups.js";
import { $, clone } from "./dom.js";
import { localise, messageRow, place, write } from "./row.js";

export const MOST = 300; // rows that the page holds
const SLACK = 20; // rows over MOST before it trims

export class Log {
  #list = $("rows");
  #empty = $("empty");
  #texts;
  #session;
  #scroll;
  /** By message id. @type {Map<string, HTMLElement>} */
  #rows = new Map();
  /** By nonce. @type {Map<string, HTMLElement>} */
  #pending = new Map();
  /** Whether the newest rows were trimmed away, so that nothing may be added below. */
  detached = false;
  /** Called when rows were trimmed above, so that there is something older again. */
  onTrimmed = () => {};

  /**
   * @param {Texts} texts
   * @param {Session} session
   * @param {Scroll} scroll
   */
  constructor(texts, session, scroll) {
    this.#texts = texts;
    this.#session = session;
    this.#scroll = scroll;
    for (const row of this.#messages()) {
      this.#rows.set(row.dataset.id ?? "", row);
      localise(row, texts);
      arrange(row, texts);
    }
  }

  /** The id of the newest confirmed row; "" if there is none. */
  get newest() {
    let last = "";
    for (const id of this.#rows.keys()) last = id;
    return last;
  }

  /** The id of the oldest confirmed row; "" if there is none. */
  get oldest() {
    for (const id of this.#rows.keys()) return id;
    return "";
  }

  /**
   * Adds messages that came on the stream, or as answers to POSTs: nearly always
   * the newest. Gives those that are new here.
   * @param {Message[]} messages
   */
  append(messages) {
    const fresh = messages.filter((m) => !this.#settle(m) && !this.#rows.has(m.id) && !this.#before(m.id));
    if (!fresh.length || this.detached) return fresh;
    this.#scroll.keep(() => {
      if (fresh.length >= MOST) this.clear();
      for (const message of fresh.slice(-MOST)) {
        const row = messageRow(message, this.#session);
        this.#lay(row, message.id);
        this.#dress(row);
      }
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
    const older = messages.filter((m) => !this.#rows.has(m.id));
    const after = [...this.#rows];
    const top = this.#list.firstElementChild;
    this.#scroll.keep(() => {
      this.#rows.clear();
      for (const message of older) {
        const row = messageRow(message, this.#session);
        this.#rows.set(message.id, row);
        this.#list.insertBefore(row, top);
        this.#dress(row);
      }
      for (const [id, row] of after) this.#rows.set(id, row);
      if (after[0]) arrange(after[0][1], this.#texts);
      this.#trim();
    });
  }

  /**
   * Adds the newest page around the rows that are there, which are a run of it
   * or go on from it.
   * @param {Message[]} messages
   */
  merge(messages) {
    const { oldest } = this;
    if (oldest) this.prepend(messages.filter((m) => compare(m.id, oldest) < 0));
    this.append(messages);
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
    return row;
  }

  /** @param {string} nonce */
  pending(nonce) {
    return this.#pending.get(nonce);
  }

  /** @param {string} nonce */
  removePending(nonce) {
    this.#pending.get(nonce)?.remove();
    this.#pending.delete(nonce);
    this.#empty.hidden = this.#list.childElementCount > 0;
  }

  /** Takes all confirmed rows away, and what stood between them. */
  clear() {
    this.#rows.clear();
    this.#list.replaceChildren(...this.#pending.values());
    this.detached = false;
  }

  /** What a new row goes in before: the first that is on its way. @returns {Element | null} */
  get end() {
    for (const row of this.#pending.values()) return row;
    return null;
  }

  /** @param {Element} row a notice, a rule: anything but a message */
  add(row) {
    if (this.detached) return;
    this.#scroll.keep(() => this.#list.insertBefore(row, this.end));
  }

  /** Says below the newest row that something may be missing. */
  markGap() {
    if (this.newest) this.add(clone("gap-template"));
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
  #settle(message) {
    const row = message.author.id === this.#session.id ? this.#pending.get(message.nonce ?? "") : undefined;
    if (!row) return false;
    this.#pending.delete(message.nonce ?? "");
    row.querySelector(".delivery")?.remove();
    row.classList.remove("pending", "failed");
    if (this.#rows.has(message.id) || this.detached) return row.remove(), true;
    this.#scroll.keep(() => {
      place(row, message.id, message.at);
      write(row, message.text);
      this.#lay(row, message.id);
      this.#dress(row);
    });
    return true;
  }

  /** Whether an id is before all rows, and so one that was trimmed. @param {string} id */
  #before(id) {
    return this.oldest !== "" && compare(id, this.oldest) < 0;
  }

  /** Puts a row where its id belongs: nearly always last. @param {HTMLElement} row @param {string} id */
  #lay(row, id) {
    const last = this.newest;
    const later = last && compare(last, id) > 0 ? [...this.#rows].filter(([other]) => compare(other, id) > 0) : [];
    this.#list.insertBefore(row, later[0]?.[1] ?? this.end);
    for (const [other] of later) this.#rows.delete(other);
    this.#rows.set(id, row);
    for (const [other, below] of later) this.#rows.set(other, below);
    if (later[0]) arrange(later[0][1], this.#texts);
  }

  /** @param {HTMLElement} row */
  #dress(row) {
    localise(row, this.#texts);
    arrange(row, this.#texts);
    this.#empty.hidden = true;
    const next = row.nextElementSibling;
    if (next instanceof HTMLElement && next.matches(".message.pending")) arrange(next, this.#texts);
  }

  /** Takes rows away at the end that is farther from the reader. */
  #trim() {
    if (this.#list.childElementCount <= MOST + SLACK) return;
    if (this.#scroll.nearerTop) return this.#trimBelow();
    while (this.#list.childElementCount > MOST) this.#drop(this.#list.firstElementChild);
    const first = this.#messages().next().value;
    if (first) arrange(first, this.#texts);
    this.onTrimmed();
  }

  #trimBelow() {
    while (this.#list.childElementCount - this.#pending.size > MOST) {
      this.#drop(this.end ? this.end.previousElementSibling : this.#list.lastElementChild);
    }
    this.detached = true;
  }

  /** @param {Element | null} row */
  #drop(row) {
    if (row instanceof HTMLElement && row.dataset.id) this.#rows.delete(row.dataset.id);
    row?.remove();
  }

  /** @returns {Generator<HTMLElement>} */
  *#messages() {
    for (const row of this.#list.children) {
      if (row instanceof HTMLElement && row.matches(".message:not(.pending)")) yield row;
    }
  }
}
