// The list of rooms: how many are in each, and what was said there since the
// reader was in it. It is a drawer on a phone and stands beside the log on a desk.

/** @import {RoomNews} from "../types.d.ts" */
/** @import {Texts} from "../lib/texts.js" */

import { unreadSince } from "../lib/eventid.js";
import { getRooms } from "../net/api.js";
import { lasting } from "../store/storage.js";
import { $, clone, part } from "./dom.js";

const MOST = 60; // rooms listed
const REMEMBERED = 100; // rooms whose last message read is kept
const FORM = /^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$/; // as chat.ParseRoomID
const LATER = 500; // milliseconds between two writes of what was read

export class Rooms {
  #panel = $("rooms");
  #list = $("rooms-list");
  #button = $("rooms-button");
  #input = /** @type {HTMLInputElement} */ ($("room-name"));
  #error = $("room-error");
  #room;
  #texts;
  /** The last message seen in each room. @type {Record<string, string>} */
  #read = JSON.parse(lasting.get("read") ?? "{}");
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #saving;

  /**
   * @param {string} room
   * @param {Texts} texts
   */
  constructor(room, texts) {
    this.#room = room;
    this.#texts = texts;
    this.#panel.addEventListener("toggle", (e) => /** @type {ToggleEvent} */ (e).newState === "open" && this.refresh());
    this.#panel.querySelector("form")?.addEventListener("submit", (e) => this.#go(e));
    this.#input.addEventListener("input", () => this.#complain(""));
    addEventListener("storage", (e) => {
      if (e.key !== "causette:read") return;
      this.#read = JSON.parse(e.newValue ?? "{}"); // another tab read on
      this.#mark();
    });
    this.#mark();
  }

  /** Some rooms have changed. @param {RoomNews[]} rooms */
  set(rooms) {
    for (const news of rooms) this.#show(news);
    this.#mark();
  }

  /** What may have changed unheard. */
  async refresh() {
    const answer = await getRooms().catch(() => null); // the list stays as it is
    if (answer) this.set(answer.rooms);
  }

  /** How many are here. @param {number} participants */
  count(participants) {
    this.#show({ room: this.#room, participants, last_id: "" });
  }

  /** The reader has seen this room up to a message. @param {string} id */
  seen(id) {
    if (!id) return;
    delete this.#read[this.#room]; // the newest are last
    this.#read[this.#room] = id;
    this.#saving ??= setTimeout(() => {
      this.#saving = undefined;
      lasting.set("read", JSON.stringify(Object.fromEntries(Object.entries(this.#read).slice(-REMEMBERED))));
    }, LATER);
  }

  /** @param {RoomNews} news */
  #show({ room, participants, last_id }) {
    const item = this.#item(room);
    if (!item) return;
    if (last_id) item.dataset.last = last_id;
    part(item, ".room-count").textContent = String(participants);
    part(item, ".room-people").textContent = this.#texts.t("people.title", { n: participants });
  }

  /** @param {string} room */
  #item(room) {
    const found = this.#list.querySelector(`[data-room="${CSS.escape(room)}"]`);
    if (found instanceof HTMLElement) return found;
    if (this.#list.childElementCount >= MOST) return null;
    const item = clone("room-template");
    item.dataset.room = room;
    part(item, "a").setAttribute("href", `/rooms/${room}`);
    part(item, ".room-name").textContent = room;
    this.#list.append(item);
    return item;
  }

  /** Marks the rooms in which there is something new. */
  #mark() {
    let any = false;
    for (const item of /** @type {Iterable<HTMLElement>} */ (this.#list.children)) {
      const { room = "", last = "" } = item.dataset;
      const n = room === this.#room ? 0 : unreadSince(this.#read[room] ?? "", last);
      const badge = part(item, ".room-unread");
      badge.hidden = n === 0;
      badge.dataset.n = n > 99 ? "99+" : String(n);
      part(badge, ".unseen").textContent = n ? this.#texts.t("log.pill", { n }) : "";
      any ||= n > 0;
    }
    this.#button.classList.toggle("news", any);
    this.#button.setAttribute("aria-label", this.#texts.t(any ? "rooms.news" : "rooms.title"));
  }

  /** @param {SubmitEvent} e */
  #go(e) {
    const name = this.#input.value.trim().toLowerCase();
    if (FORM.test(name)) {
      this.#input.value = name;
      return; // the server sends on to the room's page
    }
    e.preventDefault();
    this.#complain(this.#texts.t("error.invalid_room"));
    this.#input.focus();
  }

  /** @param {string} why */
  #complain(why) {
    this.#error.hidden = !why;
    this.#error.textContent = why;
    this.#input.setAttribute("aria-invalid", String(why !== ""));
  }
}
