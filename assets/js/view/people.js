// "Participants N", and the list behind it.

/** @import {Person} from "../types.d.ts" */
/** @import {Texts} from "../lib/texts.js" */
/** @import {Session} from "../store/session.js" */

import { hue } from "../lib/person.js";
import { initial } from "../lib/text.js";
import { getParticipants } from "../net/api.js";
import { $, clone, part } from "./dom.js";

const MOST = 200; // names shown
const PACE = 1_000; // milliseconds between two changes of what is shown

export class People {
  #button = $("participants");
  #count = $("participants-count");
  #panel = $("people");
  #title = $("people-title");
  #list = $("people-list");
  #rest = $("people-rest");
  #room;
  #texts;
  #session;
  #n = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {string} room
   * @param {Texts} texts
   * @param {Session} session
   */
  constructor(room, texts, session) {
    this.#room = room;
    this.#texts = texts;
    this.#session = session;
    this.#n = Number(this.#count.textContent);
    this.#panel.addEventListener("toggle", () => this.#open && this.#load());
    this.#label();
  }

  get #open() {
    return this.#panel.matches(":popover-open");
  }

  /** @param {number} n */
  set(n) {
    this.#n = n;
    if (this.#timer === undefined) this.#show(); // else what is due shows this one too
  }

  #show() {
    this.#label();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (Number(this.#count.textContent) !== this.#n) this.#show();
    }, PACE);
  }

  /** Who is here may be another now, though as many. */
  refresh() {
    if (this.#open) void this.#load();
  }

  /** @param {boolean} live */
  dim(live) {
    this.#button.classList.toggle("stale", !live);
  }

  #label() {
    const shown = Number(this.#count.textContent);
    if (shown !== this.#n) this.#count.textContent = String(this.#n);
    this.#title.textContent = this.#texts.t("people.title", { n: this.#n });
    this.#button.setAttribute("aria-label", `${this.#texts.t("people.button")} ${this.#n}`);
    if (shown !== this.#n) this.refresh();
  }

  async #load() {
    try {
      const { participants, named, people } = await getParticipants(this.#room);
      this.#n = participants;
      this.#list.replaceChildren(...people.slice(0, MOST).map((p) => this.#person(p)));
      const nameless = participants - named;
      const more = people.length - MOST;
      this.#rest.hidden = nameless <= 0 && more <= 0;
      this.#rest.textContent = more > 0 ? this.#texts.t("people.more", { n: more }) : this.#texts.t("people.nameless", { n: nameless });
    } catch {
      this.#rest.hidden = false;
      this.#rest.textContent = this.#texts.t("people.failed");
    }
  }

  /** @param {Person} person */
  #person({ id, nickname = "" }) {
    const item = clone("person-template");
    item.dataset.hue = String(hue(id));
    part(item, ".avatar").textContent = initial(nickname);
    part(item, ".name").textContent = nickname;
    if (id === this.#session.id) part(item, ".you").textContent = this.#texts.t("people.you");
    return item;
  }
}
