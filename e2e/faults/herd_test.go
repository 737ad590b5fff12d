package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestHerd_EverybodyIsBackWithEverythingAfterEachFall(t *testing.T) {
	t.Parallel()
	l, err := newLab(t.Context(), 1, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	var out bytes.Buffer
	kept, err := l.herd(t.Context(), &out, 100, 1)
	t.Log(out.String())
	if err != nil || !kept {
		t.Fatalf("kept: %t, %v", kept, err)
	}
	if falls := strings.Count(out.String(), "| 100 |"); falls < 3 {
		t.Errorf("%d falls were measured", falls)
	}
}
