import assert from "node:assert/strict";
import test from "node:test";

import { Hub } from "./hub.js";

function hub() {
  const streams = [];
  const h = new Hub((room, position, tell) => {
    const s = { room, position, tell, running: false, start: () => (s.running = true), stop: () => (s.running = false), retry() {}, check() {} };
    streams.push(s);
    return s;
  });
  const port = (resume, room = "lobby") => {
    const p = { heard: [], postMessage: (news) => p.heard.push(news) };
    h.take(p, { type: "attach", room, resume });
    return p;
  };
  return { h, streams, port };
}

const hello = (resume = "resumed") => ({ type: "hello", data: { resume, participants: 1, heartbeat: 15 } });
const message = (seq, epoch = 9) => ({ type: "message", data: { id: `${epoch}-${seq}` } });
const got = ({ heard }) => heard.map((n) => (n.type === "message" ? n.data.id : n.type === "hello" ? n.data.resume : n.type));

test("tabs of one room share one stream, rooms have their own", () => {
  const { streams, port } = hub();
  const [a, b, c] = [port("9-1"), port("9-1"), port("9-1", "salon")];
  assert.deepEqual(streams.map((s) => s.room), ["lobby", "salon"]);
  streams[0].tell(hello());
  streams[0].tell(message(2));
  assert.deepEqual([a, b, c].map(got), [["resumed", "9-2"], ["resumed", "9-2"], []]);
});

test("a later tab gets what came after its own position", () => {
  const { streams, port } = hub();
  port("9-1");
  streams[0].tell(hello());
  for (const seq of [2, 3, 4]) streams[0].tell(message(seq));
  assert.deepEqual(got(port("9-3")), ["resumed", "9-4"]);
  assert.deepEqual(got(port("9-1")), ["resumed", "9-2", "9-3", "9-4"]);
  assert.deepEqual(got(port("9-8")), ["resumed"]);
});

test("a tab from before all that is kept is told of the gap", () => {
  const { streams, port } = hub();
  port("9-5");
  const early = port("9-2"); // before the stream has said hello
  streams[0].tell(hello());
  streams[0].tell(message(6));
  assert.deepEqual(got(early), ["gap", "9-6"]);
  assert.deepEqual(got(port("9-4")), ["gap", "9-6"]);
  assert.deepEqual(got(port("8-7")), ["gap", "9-6"]);
  assert.deepEqual(got(port("")), ["fresh", "9-6"]);
});

test("what is kept is bounded, and its beginning moves with it", () => {
  const { streams, port } = hub();
  port("9-0");
  streams[0].tell(hello());
  for (let seq = 1; seq <= 501; seq++) streams[0].tell(message(seq));
  assert.equal(got(port("9-0"))[0], "gap");
  assert.equal(got(port("9-1")).length, 501);
});

test("after a gap nothing of the old log is kept", () => {
  const { streams, port } = hub();
  const a = port("9-1");
  streams[0].tell(hello());
  streams[0].tell(message(2));
  streams[0].position = "0-0";
  streams[0].tell(hello("gap"));
  streams[0].tell(message(0, 12));
  assert.deepEqual(got(a), ["resumed", "9-2", "gap", "12-0"]);
  assert.deepEqual(got(port("12-0")), ["resumed"]);
});

test("a later tab knows the state, the count and whether Redis is there", () => {
  const { streams, port } = hub();
  port("9-1");
  streams[0].tell({ type: "state", state: "live" });
  streams[0].tell(hello());
  streams[0].tell({ type: "presence", data: { participants: 7, named: 3 } });
  streams[0].tell({ type: "status", data: { redis: "down" } });
  const b = port("9-1");
  assert.deepEqual(b.heard.map((n) => n.type), ["state", "hello", "status"]);
  assert.equal(b.heard[1].data.participants, 7);
});

test("the stream ends with its last tab, and a new one begins with the next", () => {
  const { h, streams, port } = hub();
  const [a, b] = [port("9-1"), port("9-1")];
  h.take(a, { type: "detach" });
  h.take(a, { type: "detach" });
  assert.equal(streams[0].running, true);
  h.take(b, { type: "detach" });
  assert.equal(streams[0].running, false);
  port("9-9");
  assert.equal(streams[1].position, "9-9");
});
