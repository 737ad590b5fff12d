import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { fullJitter, retryAfter } from "./backoff.js";
import { compare, covers, unreadSince } from "./eventid.js";
import { nonce } from "./nonce.js";
import { sum } from "./notices.js";
import { Texts } from "./texts.js";
import { continues, daysAgo } from "./when.js";

test("the back-off is between nothing and a bound that doubles to thirty seconds", () => {
  assert.equal(fullJitter(5, 0), 0);
  assert.deepEqual([0, 1, 4, 5, 1_000].map((n) => fullJitter(n, 1)), [1_000, 2_000, 16_000, 30_000, 30_000]);
});

test("Retry-After is seconds or a date, and bounded", () => {
  const now = Date.parse("2026-11-22T21:34:30Z");
  assert.equal(retryAfter("3", now), 3_000);
  assert.equal(retryAfter("Sun, 22 Nov 2026 21:34:35 GMT", now), 5_000);
  assert.equal(retryAfter("Sun, 22 Nov 2026 21:34:25 GMT", now), 0);
  for (const none of [null, "", "soon"]) assert.equal(retryAfter(none, now), 0);
  assert.equal(retryAfter("99999999", now), 300_000);
});

test("ids are ordered by number, not by letter", () => {
  const ids = ["10-2", "9-11", "10-10", "9-2"];
  assert.deepEqual(ids.sort(compare), ["9-2", "9-11", "10-2", "10-10"]);
});

test("what begins after an id covers the positions of its log from there on", () => {
  assert.equal(covers("9-5", "9-5"), true);
  assert.equal(covers("9-5", "9-7"), true);
  assert.equal(covers("9-5", "9-4"), false);
  assert.equal(covers("9-5", "8-7"), false);
  assert.equal(covers("9-5", "0-0"), false);
  assert.equal(covers("0-0", "9-7"), true);
  assert.equal(covers("9-5", "10-6"), true);
  assert.equal(covers("9-5", "10-5"), false);
});

test("what is unread is counted by seq, which a log goes on with in a later epoch", () => {
  assert.equal(unreadSince("9-5", "9-7"), 2);
  assert.equal(unreadSince("9-5", "9-5"), 0);
  assert.equal(unreadSince("9-5", "10-7"), 2);
  assert.equal(unreadSince("9-5", "10-2"), 3);
  assert.equal(unreadSince("", "10-2"), 0);
  assert.equal(unreadSince("9-5", "0-0"), 0);
});

test("a nonce has the form that the server takes, and none is like another", () => {
  const many = Array.from({ length: 1_000 }, nonce);
  for (const n of many) assert.match(n, /^[A-Za-z0-9_-]{1,64}$/);
  assert.equal(new Set(many).size, many.length);
});

test("a run of notices is summed up by kind, each person once", () => {
  const n = (kind, id, nickname = id) => ({ kind, who: { id, nickname }, at: "" });
  const got = sum([n("join", "a"), n("join", "b"), n("leave", "a"), n("join", "a"), n("rename", "b", "c")]);
  assert.deepEqual(got.map(({ kind, notices }) => [kind, notices.map((x) => x.who.nickname)]),
    [["join", ["a", "b"]], ["leave", ["a"]], ["rename", ["c"]]]);
});

test("a group is one author within five minutes of one day", () => {
  const at = (h, m, author = "a", name = "ana") => ({ author, name, at: new Date(2026, 10, 22, h, m) });
  assert.equal(continues(at(12, 0), at(12, 4)), true);
  assert.equal(continues(at(12, 0), at(12, 5)), false);
  assert.equal(continues(at(12, 0), at(12, 0, "b")), false);
  assert.equal(continues(at(12, 0), at(12, 0, "a", "anna")), false);
  assert.equal(continues(at(23, 58), at(24, 1)), false);
});

test("days are the reader's, also over a change of the clocks", () => {
  const now = new Date(2026, 2, 29, 23, 30);
  assert.equal(daysAgo(new Date(2026, 2, 29, 0, 0), now), 0);
  assert.equal(daysAgo(new Date(2026, 2, 28, 23, 59), now), 1);
  assert.equal(daysAgo(new Date(2026, 1, 28, 12), now), 29);
});

const texts = (lang) => new Texts(lang, JSON.parse(readFileSync(new URL(`../../../locales/${lang}.json`, import.meta.url), "utf8")));

test("each language counts in its own way", () => {
  assert.deepEqual([0, 1, 2].map((n) => texts("fr").t("people.title", { n })), ["0 participant", "1 participant", "2 participants"]);
  assert.deepEqual([0, 1, 2].map((n) => texts("en").t("people.title", { n })), ["0 participants", "1 participant", "2 participants"]);
  assert.equal(texts("fr").t("log.pill", { n: 3 }), "3 nouveaux messages");
  assert.equal(texts("en").t("no.such.key", { n: 3 }), "no.such.key");
});

test("a list keeps its values whole, whatever they are", () => {
  const ana = { name: "ana" };
  assert.deepEqual(texts("fr").list([ana, "0", "3 autres"]), [ana, ", ", "0", " et ", "3 autres"]);
  assert.deepEqual(texts("en").list([]), []);
});

test("a value that looks like a placeholder is none", () => {
  assert.equal(texts("en").t("nickname.joined", { name: "{name}" }), "You are now {name}.");
});
