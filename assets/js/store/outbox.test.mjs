import assert from "node:assert/strict";
import test from "node:test";

import { Problem } from "../net/api.js";
import { Outbox } from "./outbox.js";

/** An outbox whose posts the test answers, over a shelf that outlives it. */
function outbox(shelf = new Map()) {
  const posts = [];
  const told = [];
  const post = (entry) => new Promise((resolve, reject) => posts.push({ entry, resolve, reject }));
  const on = {
    sent: (_, nonce) => told.push(`sent ${nonce}`),
    delayed: (e) => told.push(`delayed ${e.nonce}`),
    failed: (e, p) => told.push(`failed ${e.nonce} ${p.code}`),
  };
  const o = new Outbox({ get: (k) => shelf.get(k) ?? null, set: (k, v) => shelf.set(k, v) }, "lobby", post, on);
  return { o, posts, told, shelf, add: (...nonces) => nonces.forEach((nonce) => o.add({ nonce, text: nonce, at: "" })) };
}

const settle = () => new Promise((r) => setImmediate(r));
const nonces = (o) => o.entries.map((e) => e.nonce);

test("messages go out one at a time, in order", async () => {
  const { o, posts, told, add } = outbox();
  add("a", "b");
  assert.equal(posts.length, 1);
  posts[0].resolve({});
  await settle();
  posts[1].resolve({});
  await settle();
  assert.deepEqual(posts.map((p) => p.entry.nonce), ["a", "b"]);
  assert.deepEqual(told, ["sent a", "sent b"]);
  assert.deepEqual(nonces(o), []);
});

test("what was not sent is there after a reload, under the same nonces", async () => {
  const first = outbox();
  first.add("a", "b");
  const second = outbox(first.shelf);
  assert.deepEqual(nonces(second.o), ["a", "b"]);
  second.o.flush();
  assert.equal(second.posts[0].entry.nonce, "a");
});

test("a failed network keeps the order and tries the same message again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  t.mock.method(Math, "random", () => 0.5);
  const { posts, told, add } = outbox();
  add("a", "b");
  posts[0].reject(new Problem(0, {}));
  await settle();
  assert.equal(posts.length, 1);
  t.mock.timers.tick(500);
  assert.equal(posts[1].entry.nonce, "a");
  assert.deepEqual(told, ["delayed a"]);
});

test("429 waits as long as it is told to", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { o, posts, add } = outbox();
  add("a");
  posts[0].reject(new Problem(429, { code: "rate_limited" }, 3_000));
  await settle();
  t.mock.timers.tick(2_999);
  add("b"); // neither another message nor a connection that is back makes it sooner
  o.flush();
  assert.equal(posts.length, 1);
  t.mock.timers.tick(1);
  assert.equal(posts.length, 2);
  assert.equal(posts[1].entry.nonce, "a");
});

test("a refused message steps aside for the next, and can be tried again", async () => {
  const { o, posts, told, add } = outbox();
  add("a", "b");
  posts[0].reject(new Problem(422, { code: "text_too_long" }));
  await settle();
  assert.equal(posts[1].entry.nonce, "b");
  posts[1].resolve({});
  await settle();
  assert.deepEqual(told, ["failed a text_too_long", "sent b"]);
  o.retry("a");
  assert.equal(posts[2].entry.nonce, "a");
});

test("an echo before the answer settles it, whatever the answer is", async () => {
  const { o, posts, told, add } = outbox();
  add("a");
  assert.equal(o.settle("a"), true);
  assert.equal(o.settle("a"), false);
  posts[0].reject(new Problem(0, {}));
  await settle();
  assert.deepEqual(told, []);
  assert.deepEqual(nonces(o), []);
});

test("a discarded message is not tried again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { o, posts, add } = outbox();
  add("a");
  posts[0].reject(new Problem(0, {}));
  await settle();
  o.discard("a");
  t.mock.timers.tick(60_000);
  assert.equal(posts.length, 1);
});
