// What travels between the server, the transport and the views.

export type Person = { id: string; nickname?: string };

export type Message = { id: string; at: string; author: Person; text: string; nonce?: string };

export type Notice = { kind: "join" | "leave" | "rename"; who: Person; was?: string; at: string };

export type Presence = { participants: number; named: number };

export type Hello = {
  resume: "fresh" | "resumed" | "gap";
  room: string;
  you: Person;
  participants: number;
  heartbeat: number; // seconds
  instance: string;
};

/** How a room stands; last_id is 0-0 where nothing was said. */
export type RoomNews = { room: string; participants: number; last_id: string };

export type State = "connecting" | "live" | "reconnecting" | "waiting" | "offline" | "suspended";

/** What the transport tells, in order. */
export type News =
  | { type: "state"; state: State; retryAt?: number } // retryAt: Date.now() of the next try
  | { type: "hello"; data: Hello }
  | { type: "message"; data: Message }
  | { type: "notice"; data: Notice }
  | { type: "presence"; data: Presence }
  | { type: "typing"; data: { who: Person } }
  | { type: "status"; data: { redis: "up" | "down" } }
  | { type: "rooms"; data: { rooms: RoomNews[] } }
  | { type: "bye"; data: { reason: string } };

/** What a tab says to the transport. */
export type Order = { type: "attach"; room: string; resume: string } | { type: "detach" } | { type: "retry" } | { type: "check" } | { type: "reopen" };

export type Span = { kind: "text" | "code" | "pre" | "link"; text: string };
