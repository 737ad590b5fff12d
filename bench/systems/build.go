package systems

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"causette/bench/floor"
	"causette/bench/load"
	"causette/bench/proc"
)

// goBuild builds a package of the repository.
func goBuild(ctx context.Context, shop *Shop, dir, program string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", shop.built(program), ".")
	cmd.Dir = filepath.Join(shop.Root, dir)
	cmd.Env = proc.Environment("CGO_ENABLED=0")
	_, err := proc.Run(ctx, "go build", cmd)
	return err
}

// cFloor is the program that no fan-out with a write(2) per delivery goes below;
// in Go, and a little dearer, where there is no C compiler.
func cFloor() *System {
	s := &System{Key: "floor", Name: "floor: one `write(2)` per delivery (C)", Kind: Floor}
	var command []string
	s.prepare = func(ctx context.Context, shop *Shop) error {
		if _, err := exec.LookPath("gcc"); err != nil {
			self, err := os.Executable()
			s.Name, command = "floor: one `write(2)` per delivery (Go, for want of gcc)", []string{self, floor.Argument}
			return err
		}
		source := filepath.Join(shop.Root, "bench/floor/src/floor.c")
		command = []string{shop.built("floor")}
		_, err := proc.Run(ctx, "gcc", exec.CommandContext(ctx, "gcc", "-O2", "-o", command[0], source))
		return err
	}
	s.start = func(ctx context.Context, _ *Shop, _ Setting) (*Server, error) {
		address, port, err := freeAddress(ctx)
		if err != nil {
			return nil, err
		}
		p, err := proc.Start(ctx, "floor", exec.CommandContext(ctx, command[0], append(command[1:], port)...))
		return &Server{
			Address: address, Process: p,
			Reader:  reader(load.Get("/", eventStream), "retry: 1000\n\n"),
			Publish: load.Post("/", "text/event-stream", frame()),
		}, err
	}
	return s
}

// bare is what most people would write: gin and go-redis, in two tastes.
func bare(writer, name string, more int) *System {
	return &System{
		Key: "gin-" + writer, Name: name, Kind: Bare, Redis: true,
		prepare: func(ctx context.Context, shop *Shop) error {
			if _, err := os.Stat(shop.built("bare")); err == nil {
				return nil
			}
			return goBuild(ctx, shop, "bench/bare", "bare")
		},
		start: func(ctx context.Context, shop *Shop, setting Setting) (*Server, error) {
			address, _, err := freeAddress(ctx)
			if err != nil {
				return nil, err
			}
			cmd := exec.CommandContext(ctx, shop.built("bare"), "-listen", address, "-redis", setting.Redis, "-writer", writer)
			cmd.Env = proc.Environment()
			p, err := proc.Start(ctx, name, cmd)
			return ginServer(address, p, more), err
		},
	}
}

func ginServer(address string, p *proc.Process, more int) *Server {
	return &Server{
		Address: address, Process: p,
		Reader:  reader(load.Get("/events?room="+load.RoomSlot, eventStream), "retry: 1000\n\n"),
		Publish: load.Post("/messages", "application/json", said(more)),
		Collect: func() { p.Signal(syscall.SIGUSR2) },
	}
}

// centrifuge is the library that Centrifugo is made of, in a server of ours: the
// bench must not depend on its modules, so it is a module of its own.
func centrifuge(withRedis bool) *System {
	s := &System{Key: "centrifuge", Name: "Centrifuge 0.40 (Centrifugo's library), memory", Kind: Rival, Redis: withRedis, Stores: true}
	if withRedis {
		s.Key, s.Name = "centrifuge-redis", "Centrifuge 0.40, Redis"
	}
	s.prepare = func(ctx context.Context, shop *Shop) error {
		if _, err := os.Stat(shop.built("centrifuge")); err == nil {
			return nil
		}
		return goBuild(ctx, shop, "bench/rivals/centrifuge", "centrifuge")
	}
	s.start = func(ctx context.Context, shop *Shop, setting Setting) (*Server, error) {
		address, _, err := freeAddress(ctx)
		if err != nil {
			return nil, err
		}
		cmd := exec.CommandContext(ctx, shop.built("centrifuge"), "-listen", address, "-redis", setting.Redis)
		cmd.Env = proc.Environment()
		p, err := proc.Start(ctx, s.Name, cmd)
		server := ginServer(address, p, 2)
		connect := fmt.Sprintf("/events?room=%s&cf_connect=%%7B%%22id%%22%%3A1%%2C%%22connect%%22%%3A%%7B%%7D%%7D", load.RoomSlot)
		server.Reader = reader(load.Get(connect, eventStream), `"connect":{`)
		return server, err
	}
	return s
}
