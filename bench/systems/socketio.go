package systems

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"causette/bench/load"
	"causette/bench/proc"
)

// socketIO is the stack of the demo that Causette replaces, from npm.
func socketIO() *System {
	return &System{
		Key: "socketio", Name: "Socket.IO 4.8 + Redis adapter (the original's stack)", Kind: Rival, Redis: true,
		prepare: func(ctx context.Context, shop *Shop) error {
			dir, err := shop.cached("socketio")
			if err != nil {
				return err
			}
			return npmInstall(ctx, filepath.Join(shop.Root, "bench/rivals/socketio"), dir)
		},
		start: startSocketIO,
	}
}

// npmInstall copies a package's files from one directory to another, and
// installs there what it depends on, if that was not done before.
func npmInstall(ctx context.Context, from, to string) error {
	before, _ := os.ReadFile(filepath.Join(to, "package.json"))
	for _, name := range []string{"package.json", "server.mjs"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o600); err != nil {
			return err
		}
	}
	after, err := os.ReadFile(filepath.Join(to, "package.json"))
	if err != nil {
		return err
	}
	if string(before) == string(after) && exists(filepath.Join(to, "node_modules", "socket.io")) {
		return nil
	}
	cmd := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
	cmd.Dir, cmd.Env = to, proc.Environment()
	_, err = proc.Run(ctx, "npm install", cmd)
	return err
}

func startSocketIO(ctx context.Context, shop *Shop, setting Setting) (*Server, error) {
	address, port, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "node", "--expose-gc", "server.mjs", port, "redis://"+setting.Redis)
	cmd.Dir, cmd.Env = filepath.Join(shop.Cache, "socketio"), proc.Environment("NODE_ENV=production")
	p, err := proc.Start(ctx, "Socket.IO", cmd)
	return &Server{
		Address: address, Process: p,
		Reader:  socketIOReader(),
		Publish: load.Post("/messages", "application/json", said(35)),
		Collect: func() { p.Signal(syscall.SIGUSR2) },
	}, err
}

// socketIOReader speaks Engine.IO 4 over a WebSocket: it opens, enters the
// default namespace, and from then on only answers pings.
func socketIOReader() load.Reader {
	return load.Reader{
		Request: load.Get("/socket.io/?EIO=4&transport=websocket", "Connection: Upgrade", "Upgrade: websocket",
			"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
		Steps: []load.Step{
			{Await: []byte(`0{"sid":`), Send: webSocketText("40")},
			{Await: []byte(`40{"sid":`)},
		},
		Answer: load.Step{Await: []byte("\x81\x012"), Send: webSocketText("3")},
	}
}

// webSocketText is a text frame from a client (RFC 6455, section 5.2), for less
// than 126 bytes. Its mask is zero, which is as good as any.
func webSocketText(s string) []byte {
	return append([]byte{0x81, 0x80 | byte(len(s)), 0, 0, 0, 0}, s...)
}
