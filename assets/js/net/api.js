// The JSON API. Every call either gives its answer or throws a Problem.

/** @import {Message, Person, RoomNews} from "../types.d.ts" */

import { retryAfter } from "../lib/backoff.js";

const PATIENCE = 10_000; // milliseconds

export class Problem extends Error {
  /**
   * @param {number} status 0 if there was no answer
   * @param {{code?: string, detail?: string, suggestion?: string}} body
   * @param {number} [wait] milliseconds that Retry-After asks for
   */
  constructor(status, body, wait = 0) {
    super(body.detail ?? body.code ?? "problem");
    this.status = status;
    this.code = body.code ?? "network";
    this.detail = body.detail ?? "";
    this.suggestion = body.suggestion ?? "";
    this.wait = wait;
  }

  /** Whether the same request may pass later as it is. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/**
 * @param {string} path
 * @param {object} [body] makes it a POST
 */
async function call(path, body) {
  const signal = AbortSignal.timeout(PATIENCE);
  const post = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, body ? { ...post, signal } : { signal }).catch(() => {
    throw new Problem(0, {});
  });
  const json = await answer.json().catch(() => ({}));
  if (answer.ok) return json;
  throw new Problem(answer.status, { code: `http_${answer.status}`, ...json },
    retryAfter(answer.headers.get("Retry-After"), Date.now()));
}

/**
 * @param {string} room
 * @param {{text: string, nonce: string}} entry
 * @returns {Promise<Message>}
 */
export const postMessage = (room, { text, nonce }) => call("/messages", { room, text, nonce });

/**
 * @param {string} room
 * @param {string} nickname
 * @param {string} nonce the same for the same request sent again
 * @returns {Promise<Person & {nickname: string}>}
 */
export const postNickname = (room, nickname, nonce) => call("/nicknames", { room, nickname, nonce });

/**
 * Ends this browser's session.
 * @param {string} room
 */
export const postSessionEnd = (room) => call("/session/end", { room });

/**
 * The 50 messages before an id, or the newest.
 * @param {string} room
 * @param {string} [before]
 * @returns {Promise<{messages: Message[], before: string | null}>}
 */
export const getMessages = (room, before) =>
  call(`/messages?${new URLSearchParams({ room, limit: "50", ...(before && { before }) })}`);

/**
 * @param {string} room
 * @returns {Promise<{participants: number, named: number, people: Person[]}>}
 */
export const getParticipants = (room) => call(`/participants?${new URLSearchParams({ room })}`);

/** @returns {Promise<{rooms: RoomNews[]}>} */
export const getRooms = () => call("/rooms");

/**
 * A hint that may be lost.
 * @param {string} room
 */
export const postTyping = (room) => call("/typing", { room }).catch(() => {});
