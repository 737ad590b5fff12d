// The streams of one origin's tabs: one a room, however many tabs show it. No
// DOM: it lives in the shared worker.

/** @import {News, Order, Message} from "../types.d.ts" */

import { compare, covers } from "../lib/eventid.js";
import { Stream } from "./stream.js";

const KEPT = 500; // messages, for a tab that comes later

/** @typedef {{postMessage(news: News): void}} Port */

export class Hub {
  /** @type {Map<string, Room>} */
  #rooms = new Map();
  /** @type {Map<Port, Room>} */
  #ports = new Map();
  #makeStream;

  constructor(makeStream = (/** @type {ConstructorParameters<typeof Stream>} */ ...args) => new Stream(...args)) {
    this.#makeStream = makeStream;
  }

  /**
   * @param {Port} port
   * @param {Order} order
   */
  take(port, order) {
    if (order.type === "attach") return this.#attach(port, order);
    if (order.type === "detach") return this.#detach(port);
    const stream = this.#ports.get(port)?.stream;
    if (order.type === "retry") stream?.retry();
    else if (order.type === "reopen") stream?.reopen();
    else stream?.check();
  }

  /**
   * @param {Port} port
   * @param {{room: string, resume: string}} order
   */
  #attach(port, { room: name, resume }) {
    this.#detach(port);
    let room = this.#rooms.get(name);
    if (!room) {
      room = new Room(name, resume, this.#makeStream);
      this.#rooms.set(name, room);
    }
    this.#ports.set(port, room);
    room.add(port, resume);
  }

  /** @param {Port} port */
  #detach(port) {
    const room = this.#ports.get(port);
    if (!room) return;
    this.#ports.delete(port);
    if (room.remove(port)) this.#rooms.delete(room.name);
  }
}

class Room {
  /** Each with whether it has had its hello. @type {Map<Port, {resume: string, greeted: boolean}>} */
  #ports = new Map();
  /** The messages after #start, without a hole. @type {Message[]} */
  #kept = [];
  #start;
  /** The newest of each kind that a new tab has to know. @type {Record<string, any>} */
  #now = {};

  /**
   * @param {string} name
   * @param {string} resume
   * @param {(room: string, position: string, tell: (news: News) => void) => Stream} makeStream
   */
  constructor(name, resume, makeStream) {
    this.name = name;
    this.#start = resume;
    this.stream = makeStream(name, resume, (news) => this.#pass(news));
  }

  /**
   * @param {Port} port
   * @param {string} resume
   */
  add(port, resume) {
    const { state, hello, status } = this.#now;
    this.#ports.set(port, { resume, greeted: false });
    if (state) port.postMessage(state);
    if (hello) this.#greet(port);
    if (status) port.postMessage(status);
    this.stream.start();
  }

  /**
   * Reports whether that was the last one.
   * @param {Port} port
   */
  remove(port) {
    this.#ports.delete(port);
    if (this.#ports.size === 0) this.stream.stop();
    return this.#ports.size === 0;
  }

  /**
   * Says hello to a tab in its own right: each has a position of its own.
   * @param {Port} port
   */
  #greet(port) {
    const tab = this.#ports.get(port);
    if (!tab) return;
    const { hello, presence } = this.#now;
    const known = this.#start !== "" && tab.resume !== "" && covers(this.#start, tab.resume);
    const resume = known ? "resumed" : tab.resume ? "gap" : "fresh";
    port.postMessage({ type: "hello", data: { ...hello.data, ...presence?.data, resume } });
    for (const data of this.#kept) {
      if (!known || compare(data.id, tab.resume) > 0) port.postMessage({ type: "message", data });
    }
    tab.greeted = true;
  }

  /** @param {News} news */
  #pass(news) {
    if (news.type === "message") this.#keep(news.data);
    if (news.type === "hello") this.#begin(news);
    if (["state", "presence", "status"].includes(news.type)) this.#now[news.type] = news;
    for (const [port, tab] of this.#ports) {
      if (news.type === "hello" && !tab.greeted) this.#greet(port);
      else port.postMessage(news);
    }
  }

  /** @param {Extract<News, {type: "hello"}>} hello */
  #begin(hello) {
    this.#now = { state: this.#now.state, hello }; // the rest is told anew
    if (hello.data.resume === "resumed") return;
    this.#kept = [];
    this.#start = this.stream.position;
  }

  /** @param {Message} message */
  #keep(message) {
    this.#kept.push(message);
    if (this.#kept.length <= KEPT) return;
    const gone = this.#kept.shift();
    if (gone) this.#start = gone.id;
  }
}
