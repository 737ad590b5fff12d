package store

import (
	"strconv"
	"strings"

	"causette/chat"
)

// keys makes the name of every key and channel. prefix goes before each.
type keys struct{ prefix string }

// room is the stem of all that belongs to one room. The braces are a hash tag:
// Redis Cluster keeps what shares one in the same slot.
func (k keys) room(r chat.RoomID) string { return k.prefix + "chat:{" + string(r) + "}" }

// channel carries a room's announcements: "<id>\n<json>" for each of the durable
// events that were stored in one step, joined by "\n"; "\n<kind>\n<json>" for a
// live-only one. Of a Cluster it is a shard channel, if there are such; see announce.go.
func (k keys) channel(r chat.RoomID) string { return k.room(r) }

// head is a hash {epoch, next, history, bytes, counted, oldest}: what the log's next event
// is called, and how many bytes the log has (see log_trim.lua).
func (k keys) head(r chat.RoomID) string { return k.room(r) + ":head" }

// log is the stream of durable events.
func (k keys) log(r chat.RoomID) string { return k.room(r) + ":log" }

// copied is where a torn log is moved to, within one step.
func (k keys) copied(r chat.RoomID) string { return k.room(r) + ":copied" }

// nonce remembers an accepted message: "<id> <digest> <at>".
func (k keys) nonce(r chat.RoomID, who, nonce string) string {
	return k.room(r) + ":nonce:" + who + ":" + nonce
}

// rate is the GCRA state of one sender in one room.
func (k keys) rate(r chat.RoomID, who string) string { return k.room(r) + ":rate:" + who }

// instances is a zset: instance → when its lease ends (Redis's milliseconds).
func (k keys) instances(r chat.RoomID) string { return k.room(r) + ":instances" }

// here is a hash of the sessions one instance holds: session → nickname.
func (k keys) here(r chat.RoomID, instance string) string { return k.room(r) + ":here:" + instance }

// roster is a hash: session → how many instances hold it.
func (k keys) roster(r chat.RoomID) string { return k.room(r) + ":roster" }

// named is a hash of the roster's sessions that have a nickname: session → nickname.
func (k keys) named(r chat.RoomID) string { return k.room(r) + ":named" }

// told is a hash {at, unsaid}: when the room's counts were last announced (Redis's
// milliseconds), and 1 if they changed since.
func (k keys) told(r chat.RoomID) string { return k.room(r) + ":told" }

// name says which session holds a nickname.
func (k keys) name(n chat.Nickname) string { return k.nameOf(n.Key()) }

func (k keys) nameOf(key string) string { return k.prefix + "chat:name:" + key }

// session says which nickname, by its key, a session took last.
func (k keys) session(id string) string { return k.prefix + "chat:session:" + id }

// tokens is a hash of which of a session's tokens count: {generation, ended:<id>…}, and of
// the request that began the generation {nonce, from, id, was}. It is in the slot of the
// key above.
func (k keys) tokens(id string) string { return k.prefix + "chat:tokens:{" + k.session(id) + "}" }

// typing stands while a session need not be announced as typing again.
func (k keys) typing(r chat.RoomID, session string) string { return k.room(r) + ":typing:" + session }

// address is the GCRA state of one address's new sessions.
func (k keys) address(addr string) string { return k.prefix + "chat:address:" + addr }

// streams is the GCRA state of the streams that one address opens.
func (k keys) streams(addr string) string { return k.prefix + "chat:streams:" + addr }

// sender is the GCRA state of one sender over all rooms.
func (k keys) sender(who string) string { return k.prefix + "chat:sender:" + who }

// said is the GCRA state of what one address says, in all rooms and sessions.
func (k keys) said(addr string) string { return k.prefix + "chat:said:" + addr }

// stored is the GCRA state of the bytes that one address stores.
func (k keys) stored(addr string) string { return k.prefix + "chat:stored:" + addr }

// begun is the GCRA state of the rooms that one address begins.
func (k keys) begun(addr string) string { return k.prefix + "chat:begun:" + addr }

// rooms is a zset: room → last activity (Unix milliseconds).
func (k keys) rooms() string { return k.prefix + "chat:rooms" }

// ranking is a zset: room → how many people, and last activity; see rank.
func (k keys) ranking() string { return k.prefix + "chat:rooms:rank" }

// people is a HyperLogLog of who came to a room or spoke there, in one window of time.
func (k keys) people(r chat.RoomID, window int64) string {
	return k.room(r) + ":people:" + strconv.FormatInt(window, 10)
}

// secret is the signing key that all instances share.
func (k keys) secret() string { return k.prefix + "chat:secret" }

// probe is a key that never is: what Redis says of writing it, tells its health.
func (k keys) probe(which string) string { return k.prefix + "chat:probe" + which }

// control is the channel that every instance listens to. No room's channel has
// this name, since a room's is in braces.
func (k keys) control() string { return k.prefix + "chat:control" }

// roomOf is the room whose channel this is.
func (k keys) roomOf(channel string) (chat.RoomID, bool) {
	room, ok := strings.CutPrefix(channel, k.prefix+"chat:{")
	room, ends := strings.CutSuffix(room, "}")
	return chat.RoomID(room), ok && ends
}
