package main

import (
	"bufio"
	"context"
	"io"
	"os/exec"
	"strconv"
	"time"

	"causette/bench/proc"
)

// readByCurl reads as a shell user does: curl -N, and when it ends, curl -N again with
// the last id that it printed.
func readByCurl(ctx context.Context, r *reader) error {
	p := parser{retry: time.Second}
	for ctx.Err() == nil {
		err := curlOnce(ctx, r, &p)
		if err != nil {
			return err
		}
		if err := r.take(ctx, event{name: "error"}); err != nil {
			return err
		}
		_ = pause(ctx, p.retry) // the loop's condition looks at ctx
	}
	return nil
}

// curlOnce runs curl to its end. An error is of what it printed; that it ends is none.
func curlOnce(ctx context.Context, r *reader, p *parser) error {
	silence := strconv.Itoa(int((2*heartbeat + time.Second).Seconds()))
	args := []string{"-q", "-sSN", "--fail", "--noproxy", "*", "--speed-limit", "1", "--speed-time", silence}
	if p.lastID != "" {
		args = append(args, "-H", "Last-Event-ID: "+p.lastID)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out, in := io.Pipe()
	cmd := exec.CommandContext(ctx, "curl", append(args, r.eventsURL())...)
	cmd.Stdout, cmd.Stderr = in, io.Discard
	process, err := proc.Start(ctx, "curl", cmd)
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-process.Over()
		_ = in.Close()
	}()
	defer func() {
		process.Stop()
		_ = out.Close()
		<-ended
	}()
	stream := parser{r: bufio.NewReader(out), lastID: p.lastID, retry: p.retry}
	for {
		e, err := stream.next()
		p.lastID, p.retry = stream.lastID, stream.retry
		if err != nil {
			return nil
		}
		if err := r.take(ctx, e); err != nil {
			return err
		}
	}
}
