import assert from "node:assert/strict";
import test from "node:test";

import { Stream } from "./stream.js";

/** A world whose clock, network and server the test holds. */
function world(t) {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  const w = {
    opened: [], online_: true, answers: [], random: () => 0.5, now: () => Date.now(), online: () => w.online_,
    open(url) {
      const source = new EventTarget();
      Object.assign(source, { url, readyState: 0, close: () => (source.readyState = 2) });
      w.opened.push(source);
      return source;
    },
    fetch: async () => w.answers.shift() ?? Promise.reject(new TypeError("refused")),
    get source() { return w.opened.at(-1); },
    say(kind, data, lastEventId = "") {
      w.source.dispatchEvent(Object.assign(new Event(kind), { data: JSON.stringify(data), lastEventId }));
    },
    hello(id = "5-0") { w.say("hello", { resume: "resumed", heartbeat: 15, participants: 1 }, id); },
    drop(closed) {
      w.source.readyState = closed ? 2 : 0;
      w.source.dispatchEvent(new Event("error"));
    },
  };
  return w;
}

function stream(t, position = "5-3") {
  const w = world(t);
  const heard = [];
  const s = new Stream("lobby", position, (news) => heard.push(news), w);
  t.after(() => s.stop());
  s.start();
  return { w, s, heard, tick: (ms) => t.mock.timers.tick(ms) };
}

const settle = () => new Promise((r) => setImmediate(r));

test("it opens after the position that it was given, and hello makes it live", (t) => {
  const { w, s, heard } = stream(t);
  assert.equal(w.source.url, "/events?room=lobby&last_event_id=5-3");
  assert.equal(s.state, "connecting");
  w.hello();
  assert.equal(s.state, "live");
  assert.deepEqual(heard.map((n) => n.state ?? n.type), ["connecting", "live", "hello"]);
});

test("without a position it asks for the newest", (t) => {
  assert.equal(stream(t, "").w.source.url, "/events?room=lobby");
});

test("a stream opened anew goes on after the last message", (t) => {
  const { w, s, tick } = stream(t);
  w.hello();
  w.say("message", { id: "5-4" }, "5-4");
  w.say("notice", { kind: "join" });
  tick(40_000); // silence: the watch takes it for dead
  assert.equal(s.state, "reconnecting");
  assert.equal(w.source.url, "/events?room=lobby&last_event_id=5-4");
});

test("pings keep it alive", (t) => {
  const { w, s, tick } = stream(t);
  w.hello();
  for (let i = 0; i < 10; i++) {
    tick(15_000);
    w.say("ping", {});
  }
  assert.equal(s.state, "live");
  assert.equal(w.opened.length, 1);
});

test("EventSource's own retry gets ten seconds, then the pace is ours", (t) => {
  const { w, s, tick } = stream(t);
  w.hello();
  w.drop();
  assert.equal(s.state, "reconnecting");
  tick(5_000);
  w.drop();
  assert.equal(w.opened.length, 1);
  tick(5_000);
  assert.equal(s.state, "waiting");
  tick(500); // half of the first second
  assert.equal(w.opened.length, 2);
});

test("a refused try of ours backs off, longer each time, and hello forgets it", (t) => {
  const { w, s, heard, tick } = stream(t);
  const waits = [];
  for (let i = 0; i < 8; i++) {
    w.drop();
    assert.equal(s.state, "waiting");
    waits.push(heard.at(-1).retryAt - Date.now());
    tick(waits.at(-1));
  }
  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  w.hello();
  w.drop();
  assert.equal(s.state, "reconnecting");
});

test("a stream closed for good is probed, and Retry-After is kept to", async (t) => {
  const { w, s, heard } = stream(t);
  w.answers.push(new Response("", { status: 503, headers: { "Retry-After": "7" } }));
  w.drop(true);
  await settle();
  assert.equal(s.state, "waiting");
  assert.equal(heard.at(-1).retryAt - Date.now(), 7_000);
});

test("a stream stopped while it is probed stays stopped", async (t) => {
  const { w, s, tick } = stream(t);
  w.drop(true);
  s.stop();
  await settle();
  tick(60_000);
  assert.equal(s.state, "suspended");
  assert.equal(w.opened.length, 1);
});

test("an opening that says nothing is given up", (t) => {
  const { s, w, tick } = stream(t);
  tick(10_000);
  assert.equal(s.state, "waiting");
  assert.equal(w.source.readyState, 2);
});

test("an opening that is spoken to keeps its turn, and is given up when it is not", (t) => {
  const { w, s, tick } = stream(t);
  tick(1_000);
  w.source.dispatchEvent(new Event("open"));
  for (let i = 0; i < 10; i++) {
    tick(15_000);
    w.say(i % 2 ? "ping" : "status", { redis: "down" });
  }
  assert.equal(w.opened.length, 1);
  w.hello();
  assert.equal(s.state, "live");
  w.drop();
  tick(10_000); // EventSource's own time is over
  tick(500); // half of the first second
  assert.equal(w.opened.length, 2);
  w.say("ping", {});
  tick(31_000);
  assert.equal(s.state, "waiting");
});

test("without a network it says so, and goes on trying without a word", (t) => {
  const { w, s, heard, tick } = stream(t);
  w.hello();
  w.online_ = false;
  w.drop();
  assert.equal(s.state, "offline");
  const said = heard.length;
  for (const delay of [500, 1_000, 2_000]) {
    tick(delay);
    w.drop();
  }
  assert.equal(w.opened.length, 4);
  assert.equal(s.state, "offline");
  assert.equal(heard.length, said);
});

test("a server that answers without a network is as good as any", (t) => {
  const { w, s, tick } = stream(t);
  w.hello();
  w.online_ = false;
  w.drop();
  tick(500);
  w.hello();
  assert.equal(s.state, "live");
});

test("a refusal without a network is probed too, and Retry-After is kept to", async (t) => {
  const { w, s, tick } = stream(t);
  w.online_ = false;
  w.answers.push(new Response("", { status: 503, headers: { "Retry-After": "7" } }));
  w.drop(true);
  await settle();
  assert.equal(s.state, "offline");
  tick(6_999);
  assert.equal(w.opened.length, 1);
  tick(1);
  assert.equal(w.opened.length, 2);
});

test("when the network comes back it tries at once", (t) => {
  const { w, s } = stream(t);
  w.hello();
  w.online_ = false;
  w.drop();
  w.online_ = true;
  s.check();
  assert.equal(w.opened.length, 2);
});

test("the reader may try now", (t) => {
  const { w, s } = stream(t);
  w.drop();
  s.retry();
  assert.equal(w.opened.length, 2);
  w.hello();
  s.retry();
  assert.equal(w.opened.length, 2);
});

test("opened anew, it goes on where it was; at rest, it stays so", (t) => {
  const { w, s } = stream(t);
  w.hello();
  w.say("message", { id: "5-4" }, "5-4");
  s.reopen();
  assert.equal(s.state, "reconnecting");
  assert.equal(w.opened.length, 2);
  assert.equal(w.source.url, "/events?room=lobby&last_event_id=5-4");
  assert.equal(w.opened[0].readyState, 2);
  s.stop();
  s.reopen();
  assert.equal(w.opened.length, 2);
});
