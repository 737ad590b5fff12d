// Who is writing, and telling that the reader is.

/** @import {Person} from "../types.d.ts" */
/** @import {Texts} from "../lib/texts.js" */
/** @import {Session} from "../store/session.js" */

import { postTyping } from "../net/api.js";
import { $, bdi } from "./dom.js";

const EVERY = 3_000; // milliseconds between two that are sent
const LASTS = 6_000; // milliseconds that one is shown
const NAMED = 2;

export class Typing {
  #line = $("typing");
  #room;
  #texts;
  #session;
  #sent = 0;
  /** Whether there is anybody to tell. */
  live = false;
  /** By id. @type {Map<string, {name: string, timer: ReturnType<typeof setTimeout>}>} */
  #who = new Map();

  /**
   * @param {string} room
   * @param {Texts} texts
   * @param {Session} session
   */
  constructor(room, texts, session) {
    this.#room = room;
    this.#texts = texts;
    this.#session = session;
  }

  /** The reader typed something. */
  tell() {
    const now = Date.now();
    if (!this.live || now - this.#sent < EVERY) return;
    this.#sent = now;
    void postTyping(this.#room);
  }

  /** The reader sent it: the next key tells anew. */
  done() {
    this.#sent = 0;
  }

  /** @param {Person} who */
  add({ id, nickname }) {
    if (id === this.#session.id || !nickname) return;
    clearTimeout(this.#who.get(id)?.timer);
    this.#who.set(id, { name: nickname, timer: setTimeout(() => this.remove(id), LASTS) });
    this.#show();
  }

  /** @param {string} id */
  remove(id) {
    const typist = this.#who.get(id);
    if (!typist) return;
    clearTimeout(typist.timer);
    this.#who.delete(id);
    this.#show();
  }

  #show() {
    const all = [...this.#who.values()];
    /** @type {(string | Node)[]} */
    const names = all.slice(0, NAMED).map(({ name }) => bdi(name));
    if (all.length > NAMED) names.push(this.#texts.t("notice.others", { n: all.length - NAMED }));
    const list = document.createElement("span");
    list.append(...this.#texts.list(names));
    this.#line.replaceChildren(...(all.length ? this.#texts.parts(`typing.${all.length > 1 ? "many" : "one"}`, { names: list }) : []));
  }
}
