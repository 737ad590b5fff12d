package embedded

import (
	"fmt"
	"slices"
	"strings"

	commands "github.com/alicebob/miniredis/v2/server"
)

// admitted are the commands that clients and their scripts may use: what Causette needs,
// or may come to need, and what a person needs who looks into it with redis-cli. Missing
// are those that wait (all others would wait as well) and those that make much of little
// (SETRANGE writes as many zeros as one asks for).
var admitted = func() map[string]bool {
	names := strings.Fields(`
		CLIENT ECHO HELLO PING QUIT ` + mark + `
		EVAL EVALSHA SCRIPT
		PUBLISH SUBSCRIBE UNSUBSCRIBE
		DBSIZE FLUSHALL FLUSHDB INFO TIME
		DEL EXISTS EXPIRE KEYS PERSIST PEXPIRE PTTL RENAME SCAN TTL TYPE UNLINK
		DECR DECRBY GET GETDEL GETEX GETSET INCR INCRBY MGET MSET PSETEX SET SETEX SETNX STRLEN
		HDEL HEXISTS HGET HGETALL HINCRBY HKEYS HLEN HMGET HMSET HSCAN HSET HSETNX HVALS
		PFADD PFCOUNT
		SADD SCARD SISMEMBER SMEMBERS SREM
		ZADD ZCARD ZCOUNT ZINCRBY ZMSCORE ZRANGE ZRANGEBYSCORE ZRANK ZREM ZREMRANGEBYRANK
		ZREMRANGEBYSCORE ZREVRANGE ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE
		XADD XDEL XLEN XRANGE XREAD XREVRANGE XTRIM
	`)
	m := make(map[string]bool, len(names))
	for _, name := range names {
		m[name] = true
	}
	return m
}()

// refuse answers a command that is not admitted, as Redis would one that it does not
// know, and reports whether it did. It is miniredis's hook before each command, those of
// scripts included.
func refuse(peer *commands.Peer, name string, args ...string) bool {
	if admitted[name] && (name != "XREAD" || !blocks(args)) {
		return false
	}
	if len(name) > 64 {
		name = name[:64]
	}
	peer.WriteError(fmt.Sprintf("ERR unknown command `%s`, or one that an embedded Redis does not take", name))
	return true
}

func blocks(args []string) bool {
	return slices.ContainsFunc(args, func(arg string) bool { return strings.EqualFold(arg, "BLOCK") })
}
