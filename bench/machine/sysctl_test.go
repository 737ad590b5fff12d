package machine

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRaise_PutsBackWhatItMoved(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "range")
	if err := os.WriteFile(path, []byte("32768\t60999\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	restore, refused := raise(root, map[string]string{"range": "4000 65535", "not/there": "1"})
	if now, _ := os.ReadFile(path); string(now) != "4000 65535\n" || len(refused) != 0 {
		t.Fatalf("raised to %q, refused %v", now, refused)
	}
	if err := restore(); err != nil {
		t.Fatal(err)
	}
	if now, _ := os.ReadFile(path); string(now) != "32768\t60999\n" {
		t.Fatalf("put back to %q", now)
	}
}

func TestRaise_TellsWhatItCouldNotMove(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "range"), 0o700); err != nil { // nobody can write to a directory
		t.Fatal(err)
	}
	_, refused := raise(root, map[string]string{"range": "1"})
	if len(refused) != 1 || refused[0] != "range" {
		t.Fatalf("refused %v", refused)
	}
}
