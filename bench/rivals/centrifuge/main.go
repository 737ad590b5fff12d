// Command centrifuge is a small chat server on Centrifuge, the library that
// Centrifugo is made of: its own SSE handler for readers, a POST to publish, a
// history with recovery, in memory or in Redis.
//
//	centrifuge -listen 127.0.0.1:4100 [-redis 127.0.0.1:6379]
//
// SIGUSR2 collects garbage and gives the memory back, so that it can be measured.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/centrifugal/centrifuge"
)

// What the history keeps.
const (
	historySize = 10_000
	historyTTL  = time.Hour
)

type roomKey struct{}

func main() {
	listen := flag.String("listen", "127.0.0.1:4100", "address")
	redis := flag.String("redis", "", "address of Redis; empty to stay in memory")
	flag.Parse()
	collect := make(chan os.Signal, 1)
	signal.Notify(collect, syscall.SIGUSR2)
	go func() {
		for range collect {
			debug.FreeOSMemory()
		}
	}()
	node, err := newNode(*redis)
	if err != nil {
		log.Fatal(err)
	}
	if err := http.ListenAndServe(*listen, routes(node)); err != nil {
		log.Fatal(err)
	}
}

func newNode(redis string) (*centrifuge.Node, error) {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return nil, err
	}
	if redis != "" {
		if err := useRedis(node, redis); err != nil {
			return nil, err
		}
	}
	node.OnConnecting(func(ctx context.Context, _ centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		room, _ := ctx.Value(roomKey{}).(string)
		return centrifuge.ConnectReply{
			Credentials:   &centrifuge.Credentials{},
			Subscriptions: map[string]centrifuge.SubscribeOptions{room: {EnableRecovery: true}},
		}, nil
	})
	return node, node.Run()
}

func useRedis(node *centrifuge.Node, address string) error {
	shard, err := centrifuge.NewRedisShard(node, centrifuge.RedisShardConfig{Address: address})
	if err != nil {
		return err
	}
	broker, err := centrifuge.NewRedisBroker(node, centrifuge.RedisBrokerConfig{Shards: []*centrifuge.RedisShard{shard}})
	if err != nil {
		return err
	}
	node.SetBroker(broker)
	return nil
}

func routes(node *centrifuge.Node) http.Handler {
	// A reader over SSE can't answer pings, so none is waited for.
	stream := centrifuge.NewSSEHandler(node, centrifuge.SSEConfig{
		PingPongConfig: centrifuge.PingPongConfig{PingInterval: 25 * time.Second, PongTimeout: -1},
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		stream.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), roomKey{}, r.FormValue("room"))))
	})
	mux.HandleFunc("POST /messages", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Room, Nickname, Text, Nonce string
		}
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 16<<10)).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		message, err := json.Marshal(map[string]any{
			"at": time.Now().UTC(), "author": map[string]string{"id": "g_abcdefghijkl", "nickname": body.Nickname}, "text": body.Text,
		})
		if err == nil {
			_, err = node.Publish(body.Room, message, centrifuge.WithHistory(historySize, historyTTL))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(message) // whoever asked is gone if this fails
	})
	return mux
}
