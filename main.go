// Command causette runs one instance of the Causette chat server: a JSON API that
// publishes to Redis and streams that send what Redis announces.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// Exit codes: a wrong configuration, or command line, is told apart from what went wrong at
// run time.
const (
	exitFailure       = 1
	exitConfiguration = 2
)

func main() {
	if answered, err := answerArguments(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitConfiguration)
	} else if answered {
		return
	}
	cfg, err := loadConfig()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitConfiguration)
	}
	// The first signal ends ctx; stop then gives the next one back to the
	// system, which ends the process at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := run(ctx, cfg, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitFailure)
	}
}

// run builds an instance, serves until ctx ends, and stops it in order.
func run(ctx context.Context, cfg Config, output io.Writer) error {
	log := newLogger(cfg, output)
	slog.SetDefault(log) // for go-redis, whose words have no other way
	listener, err := listen(ctx, cfg)
	if err != nil {
		return err
	}
	admin, err := listenAdmin(ctx, cfg, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	i, err := build(ctx, cfg, log)
	if err != nil {
		return errors.Join(err, listener.Close(), closeAny(admin))
	}
	log.Info("serving", slog.String("url", localURL(cfg, listener)), slog.String("instance", i.name), slog.String("admin", addressOf(admin)))
	return i.serve(ctx, listener, admin)
}

// closeAny closes a listener where there is one.
func closeAny(listener net.Listener) error {
	if listener == nil {
		return nil
	}
	return listener.Close()
}

// addressOf is where a listener listens, or that there is none.
func addressOf(listener net.Listener) string {
	if listener == nil {
		return adminNowhere
	}
	return listener.Addr().String()
}

// listen takes the port, and says which variable to change if it is taken.
func listen(ctx context.Context, cfg Config) (net.Listener, error) {
	// Go's default probe every 15 s is dear with many idle streams, whose
	// heartbeats tell the same.
	config := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Minute, Interval: time.Minute, Count: 3}}
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port)))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("PORT: %d is already in use; stop the program that holds it, or choose another, such as PORT=%d", cfg.Port, cfg.Port+1)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("PORT: %d may not be opened by this user; choose one above 1023", cfg.Port)
	case err != nil:
		return nil, fmt.Errorf("HOST, PORT: cannot listen on %s: %w", net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port)), err)
	}
	return listener, nil
}

func localURL(cfg Config, listener net.Listener) string {
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return "http://" + net.JoinHostPort(cmp.Or(cfg.Host, "localhost"), port)
}

func newLogger(cfg Config, output io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(output, options))
	}
	return slog.New(slog.NewTextHandler(output, options))
}
