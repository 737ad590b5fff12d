package sse

import (
	"log/slog"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quiet is where tests log.
var quiet = slog.New(slog.DiscardHandler)
