// Command bare is what Causette is compared with: the chat server that most
// people would write with gin and go-redis. A post is published with PUBLISH; one
// goroutine takes what Redis announces and hands it to a buffered channel per
// reader; a goroutine per reader writes it. It stores nothing, checks no rate and
// no nonce, knows no session, and drops a message whose reader's channel is full.
//
//	bare -listen 127.0.0.1:4100 -redis 127.0.0.1:6379 -writer sse|flush
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
	"sync"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"
)

const channel = "chat"

// queue is how many messages a reader may be behind.
const queue = 64

// message is what Causette sends too, without its id.
type message struct {
	At     time.Time `json:"at"`
	Author struct {
		ID       string `json:"id"`
		Nickname string `json:"nickname"`
	} `json:"author"`
	Text string `json:"text"`
}

// hub has the readers.
type hub struct {
	mu      sync.Mutex
	readers map[chan string]struct{} // guarded by mu
}

func (h *hub) add() chan string {
	c := make(chan string, queue)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readers[c] = struct{}{}
	return c
}

func (h *hub) remove(c chan string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.readers, c)
}

func (h *hub) tell(payload string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.readers {
		select {
		case c <- payload:
		default:
		}
	}
}

func main() {
	listen := flag.String("listen", "127.0.0.1:4100", "address")
	server := flag.String("redis", "127.0.0.1:6379", "address of Redis")
	writer := flag.String("writer", "flush", "sse: c.SSEvent; flush: the bytes, and Flush")
	flag.Parse()
	collect := make(chan os.Signal, 1)
	signal.Notify(collect, syscall.SIGUSR2)
	go func() {
		for range collect {
			debug.FreeOSMemory()
		}
	}()
	client := redis.NewClient(&redis.Options{Addr: *server})
	h := &hub{readers: map[chan string]struct{}{}}
	go listenToRedis(client, h)
	if err := http.ListenAndServe(*listen, routes(client, h, *writer)); err != nil {
		log.Fatal(err)
	}
}

func listenToRedis(client *redis.Client, h *hub) {
	for m := range client.Subscribe(context.Background(), channel).Channel() {
		h.tell(m.Payload)
	}
}

func routes(client *redis.Client, h *hub, writer string) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.Use(gin.Recovery())
	r.POST("/messages", post(client))
	r.GET("/events", stream(h, writer))
	return r
}

func post(client *redis.Client) gin.HandlerFunc {
	return func(c *gin.Context) {
		var body struct {
			Text     string `json:"text" binding:"required,max=8192"`
			Nickname string `json:"nickname" binding:"max=128"`
			Nonce    string `json:"nonce"`
			Room     string `json:"room"`
		}
		if err := c.ShouldBindJSON(&body); err != nil {
			c.JSON(http.StatusBadRequest, gin.H{"error": err.Error()})
			return
		}
		m := message{At: time.Now().UTC(), Text: body.Text}
		m.Author.ID, m.Author.Nickname = "g_abcdefghijkl", body.Nickname
		payload, err := json.Marshal(m)
		if err == nil {
			err = client.Publish(c.Request.Context(), channel, payload).Err()
		}
		if err != nil {
			c.JSON(http.StatusServiceUnavailable, gin.H{"error": err.Error()})
			return
		}
		c.JSON(http.StatusCreated, m)
	}
}

func stream(h *hub, writer string) gin.HandlerFunc {
	return func(c *gin.Context) {
		messages := h.add()
		defer h.remove(messages)
		c.Header("Content-Type", "text/event-stream")
		c.Header("Cache-Control", "no-cache")
		if _, err := c.Writer.WriteString("retry: 1000\n\n"); err != nil {
			return
		}
		c.Writer.Flush()
		for {
			select {
			case <-c.Request.Context().Done():
				return
			case payload := <-messages:
				if !write(c, writer, payload) {
					return
				}
			}
		}
	}
}

func write(c *gin.Context, writer, payload string) bool {
	if writer == "sse" {
		c.SSEvent("message", payload)
		c.Writer.Flush()
		return true
	}
	if _, err := c.Writer.WriteString("data: " + payload + "\n\n"); err != nil {
		return false
	}
	c.Writer.Flush()
	return true
}
