// The page: makes its parts and tells each what happens. Nothing is decided here
// but who hears what.

/** @import {Hello, Message, News} from "./types.d.ts" */

import { Texts } from "./lib/texts.js";
import { postMessage } from "./net/api.js";
import { Link } from "./net/link.js";
import { Inbox } from "./store/inbox.js";
import { Outbox } from "./store/outbox.js";
import { Session } from "./store/session.js";
import { tab } from "./store/storage.js";
import { Announcer } from "./view/announcer.js";
import { Attention } from "./view/attention.js";
import { Composer } from "./view/composer.js";
import { Connection } from "./view/connection.js";
import { $, data } from "./view/dom.js";
import { History } from "./view/history.js";
import { Log } from "./view/log.js";
import { NotifyToggle, themeSwitch } from "./view/menu.js";
import { NicknameForm } from "./view/nickname.js";
import { Notices } from "./view/notices.js";
import { People } from "./view/people.js";
import { Pill } from "./view/pill.js";
import { Rooms } from "./view/rooms.js";
import { Scroll } from "./view/scroll.js";
import { Sending } from "./view/sending.js";
import { Typing } from "./view/typing.js";
import { followViewport } from "./view/viewport.js";

const { room = "lobby", you = "", nickname = "", resume = "", older } = document.body.dataset;
const texts = new Texts(document.documentElement.lang, data("texts"));
const session = new Session(you, nickname);
const scroll = new Scroll();
const log = new Log(texts, session, scroll);
const history = new History(room, texts, log, older !== undefined);
const pill = new Pill(texts, scroll, toBottom);
const notices = new Notices(texts, log);
const people = new People(room, texts, session);
const rooms = new Rooms(room, texts);
const typing = new Typing(room, texts, session);
const attention = new Attention(log, new NotifyToggle(room, texts));
const sending = new Sending(texts, session, log,
  (on) => new Outbox(tab, room, (entry) => postMessage(room, entry), on),
  (code) => code === "nickname_required" && forgetMe());
const composer = new Composer(texts, tab, room, scroll, { send, typing: () => typing.tell() });
const nicknameForm = new NicknameForm(room, texts, session, composer);
const inbox = new Inbox(receive);
const announcer = new Announcer(texts);
const link = new Link(room, () => position, hear);
const connection = new Connection(texts, () => link.retry());
/** The id of the last message that came on the stream. */
let position = resume;
let greeted = false;
/** The session that the stream was opened as. */
let streamed = you;

session.onChange(() => session.named && sending.retry("nickname_required"));
session.onChange(() => session.id !== streamed && link.reopen());
log.onOlder = () => announcer.hush();
followViewport();
themeSwitch();
read();
document.addEventListener("visibilitychange", read);
link.start();
sending.flush();

/** @param {News} news */
function hear(news) {
  switch (news.type) {
    case "state": return turn(news);
    case "hello": return greet(news.data);
    case "message":
      position = news.data.id;
      return inbox.add(news.data);
    case "presence": return count(news.data.participants);
    case "rooms": return rooms.set(news.data.rooms);
    case "typing": return typing.add(news.data.who);
    case "status": return connection.redis(news.data.redis === "up");
    case "notice":
      if (news.data.kind === "rename" && news.data.who.id === session.id) session.become(news.data.who);
      inbox.flush(); // what came before it stands above it
      people.refresh();
      return notices.add(news.data);
  }
}

/** @param {Extract<News, {type: "state"}>} news */
function turn({ state, retryAt }) {
  connection.set(state, retryAt);
  people.dim(state === "live");
  typing.live = state === "live";
  attention.away(state === "waiting" || state === "offline");
  if (state !== "live") announcer.quiet();
}

/** @param {Hello} hello */
function greet(hello) {
  count(hello.participants);
  if (greeted) void rooms.refresh(); // what changed since is told to nobody again
  greeted = true;
  connection.redis(true);
  streamed = hello.you.id;
  if (!session.id) session.become(hello.you);
  document.getElementById("down")?.remove();
  announcer.catchUp();
  if (hello.resume === "gap") {
    inbox.flush();
    log.markGap();
    void history.reload();
  }
  // A moment later, when the echoes of what had arrived have come.
  setTimeout(() => sending.flush(), 100);
}

/** @param {number} participants */
function count(participants) {
  people.set(participants);
  rooms.count(participants);
}

/** What came is read by whoever has the page before them. */
function read() {
  if (!document.hidden) rooms.seen(position);
}

/** The server knows no nickname for this session, as after its Redis lost everything. */
function forgetMe() {
  session.become({ id: session.id });
  nicknameForm.open();
}

/** @param {Message[]} messages */
function receive(messages) {
  const { pinned } = scroll;
  const fresh = log.append(messages);
  for (const { author, nonce } of messages) {
    if (author.id === session.id) sending.settle(nonce);
    typing.remove(author.id);
  }
  const others = fresh.filter(({ author }) => author.id !== session.id);
  if (!pinned) pill.add(others.length);
  announcer.add(fresh.length);
  attention.add(others);
  read();
}

/** @param {string} text */
function send(text) {
  typing.done();
  if (log.detached) toBottom();
  sending.send(text);
  scroll.toBottom();
}

function toBottom() {
  if (log.detached) {
    log.clear();
    void history.reload();
  }
  scroll.toBottom();
}
