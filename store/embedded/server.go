package embedded

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	commands "github.com/alicebob/miniredis/v2/server"
)

const (
	// maxConnections is how many are open at once; the next is told so and closed. An
	// instance has ten a processor at most, and a few.
	maxConnections = 1024
	// answerTimeout is how long a client may leave an answer, or an announcement, unread
	// before it is cut off. Everybody else waits that long.
	answerTimeout = time.Second
	// answerBuffer is how many bytes of answers go in one write.
	answerBuffer = 16 << 10
	// acceptAgain is the time after a connection that could not be taken, for want of
	// descriptors most often.
	acceptAgain = 50 * time.Millisecond
)

// server serves a miniredis. It has the connections itself, since miniredis reads them
// in goroutines of its own, where a panic ends the process.
type server struct {
	// Static after construction.
	redis    *miniredis.Miniredis
	commands *commands.Server
	listener *listener
	log      *slog.Logger

	wg sync.WaitGroup

	// turn is had by the one command that runs. miniredis has a lock for that too, but
	// after a panic nobody else could tell whose it is.
	turn sync.Mutex

	mu     sync.Mutex
	conns  map[net.Conn]struct{} // guarded by mu
	closed bool                  // guarded by mu
}

// serve starts a server, which has the listener then. Close it with close.
func serve(l *listener, log *slog.Logger) (*server, error) {
	m := miniredis.NewMiniRedis()
	conn, err := m.Dial() // starts it without a listener
	if err == nil {
		err = conn.Close()
	}
	if err == nil {
		err = m.Server().Register(mark, func(peer *commands.Peer, _ string, _ []string) { peer.WriteOK() })
	}
	if err != nil {
		m.Close()
		l.release()
		return nil, err
	}
	m.Server().SetPreHook(refuse)
	s := &server{redis: m, commands: m.Server(), listener: l, log: log, conns: make(map[net.Conn]struct{})}
	s.wg.Go(s.accept)
	return s, nil
}

// close ends every connection, and waits for what serves them.
func (s *server) close() {
	s.listener.release()
	s.mu.Lock()
	s.closed = true
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	s.redis.Close()
}

// age lets what has a time to live grow older by d.
func (s *server) age(d time.Duration) {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.redis.FastForward(d)
}

func (s *server) accept() {
	for {
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(acceptAgain)
			continue
		}
		if !s.add(conn) {
			_ = conn.SetWriteDeadline(time.Now().Add(answerTimeout))
			_, _ = io.WriteString(conn, "-ERR max number of clients reached\r\n")
			_ = conn.Close()
			continue
		}
		s.wg.Go(func() {
			defer s.remove(conn)
			s.serve(conn)
		})
	}
}

func (s *server) add(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.conns) >= maxConnections {
		return false
	}
	s.conns[conn] = struct{}{}
	return true
}

func (s *server) remove(conn net.Conn) {
	_ = conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
}

// serve answers one connection until it ends, or is malformed, or a command fails.
func (s *server) serve(conn net.Conn) {
	peer := commands.NewPeer(bufio.NewWriterSize(answers{conn}, answerBuffer))
	reader := newCommandReader(conn, peer.Flush)
	defer s.unsubscribe(peer, conn)
	for !peer.Closed() {
		args, err := reader.next()
		if errors.Is(err, errMalformed) || errors.Is(err, errTooLarge) {
			s.log.Warn("embedded Redis: a connection sent what is no command, and is closed", "error", err)
			peer.WriteError("ERR Protocol error: " + err.Error())
			peer.Flush()
		}
		if err != nil || !s.run(peer, args) {
			return
		}
	}
	peer.Flush()
}

// run runs one command. If it panics, it reports false, and the others go on.
func (s *server) run(peer *commands.Peer, args []string) (ok bool) {
	s.turn.Lock()
	defer s.turn.Unlock()
	defer func() {
		if p := recover(); p != nil {
			s.unlock()
			s.log.Error("embedded Redis: a command failed, and its connection is closed",
				"command", args[0][:min(len(args[0]), 64)], "cause", p, "stack", string(debug.Stack()))
		}
	}()
	s.commands.Dispatch(peer, args)
	return true
}

// unlock opens miniredis's own lock, which a command that panicked may have left locked.
// The caller has the turn, so it is nobody else's.
func (s *server) unlock() {
	_ = s.redis.TryLock()
	s.redis.Unlock()
}

// unsubscribe ends the subscriptions of a connection, and with them the goroutines that
// miniredis has for each subscriber.
func (s *server) unsubscribe(peer *commands.Peer, conn net.Conn) {
	_ = conn.Close() // so that nobody waits for it to read
	s.run(peer, []string{"UNSUBSCRIBE"})
}

// answers is the writing side of a connection, which ends with the first write that
// takes too long.
type answers struct{ conn net.Conn }

func (a answers) Write(b []byte) (int, error) {
	err := a.conn.SetWriteDeadline(time.Now().Add(answerTimeout))
	if err != nil {
		return 0, err
	}
	n, err := a.conn.Write(b)
	if err != nil {
		_ = a.conn.Close() // its reader ends too
	}
	return n, err
}
