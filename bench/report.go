package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"causette/bench/machine"
)

// Header says when, where and how something was measured.
type Header struct {
	Taken   string        `json:"taken"` // date
	Command string        `json:"command"`
	Machine machine.About `json:"machine"`
}

func (b *bench) header(ctx context.Context) Header {
	return Header{Taken: time.Now().Format(time.DateOnly), Command: b.command, Machine: machine.Describe(ctx)}
}

func resultPath(root, name string) string {
	return filepath.Join(root, "bench", "results", name+".json")
}

// publish keeps results as JSON, shows them, and writes them into the docs if
// that was asked for. What is not whole does not take the place of what is.
func (b *bench) publish(name string, result any) error {
	path := resultPath(b.shop.Root, name)
	if !b.whole() {
		path = resultPath(b.shop.Root, "partial")
	}
	text, err := json.MarshalIndent(result, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		return err
	}
	fmt.Println(sections(result))
	if b.docs && b.whole() {
		return render(b.shop.Root)
	}
	return nil
}

// load reads results back; it reports false if there are none yet.
func loadResult(root, name string, into any) (bool, error) {
	text, err := os.ReadFile(resultPath(root, name))
	if os.IsNotExist(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return false, fmt.Errorf("%s.json: %w", name, err)
	}
	return true, nil
}
