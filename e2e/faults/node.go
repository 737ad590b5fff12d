package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"causette/bench/proc"
)

// npmEventSourceVersion is the last that Node 20 runs.
const npmEventSourceVersion = "4.1.0"

//go:embed eventsource.mjs
var nodeScript []byte

// nodeDir has the npm client and the script that uses it.
var nodeDir = sync.OnceValues(func() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, ".cache", "eventsource")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	script := os.WriteFile(filepath.Join(dir, "reader.mjs"), nodeScript, 0o644)
	about, err := os.ReadFile(filepath.Join(dir, "node_modules", "eventsource", "package.json"))
	if err == nil && bytes.Contains(about, []byte(`"version": "`+npmEventSourceVersion+`"`)) {
		return dir, script // a row that has no network finds it here
	}
	cmd := exec.Command("npm", "install", "--silent", "--no-save", "--prefix", dir, "eventsource@"+npmEventSourceVersion) //nolint:noctx // shared by all rows
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm install eventsource@%s: %w: %s", npmEventSourceVersion, err, out)
	}
	return dir, script
})

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, errStat := os.Stat(filepath.Join(dir, "go.mod")); errStat == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("run it inside the module")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}

// readByNode reads with the npm package eventsource: a plain EventSource in Node.
func readByNode(ctx context.Context, r *reader) error {
	dir, err := nodeDir()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out, in := io.Pipe()
	cmd := exec.CommandContext(ctx, "node", filepath.Join(dir, "reader.mjs"), r.eventsURL())
	cmd.Stdout = in
	process, err := proc.Start(ctx, "node", cmd)
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
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if err := takeDispatched(ctx, r, lines.Bytes()); err != nil {
			return err
		}
	}
	return fmt.Errorf("node ended: %s", process.Output())
}

// dispatched is what an EventSource in JavaScript dispatched.
type dispatched struct {
	Type        string `json:"type"`
	Data        string `json:"data"`
	LastEventID string `json:"lastEventId"`
	ReadyState  int    `json:"readyState"` // of an error
}

func takeDispatched(ctx context.Context, r *reader, line []byte) error {
	var d dispatched
	if err := json.Unmarshal(line, &d); err != nil {
		return err
	}
	if d.Type == "error" && d.ReadyState == 2 { // CLOSED
		return errGaveUp
	}
	return r.take(ctx, event{name: d.Type, id: d.LastEventID, data: d.Data})
}
