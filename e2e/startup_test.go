//go:build linux

package e2e

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestStart_ATakenPortIsOneLineThatNamesPORT(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	port := freePort(t)
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	i := launch(t, checkedBinary, port, redis.url())
	if code := i.exitCode(10 * time.Second); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	holdToOneLine(t, i, "PORT", fmt.Sprint(port))
}

func TestStart_AWrongValueIsOneLineThatNamesTheVariable(t *testing.T) {
	t.Parallel()
	for _, wrong := range []setting{
		"PORT=http", "PORT=0", "PORT=70000", "REDIS_URL=http://127.0.0.1:6379", "REDIS_URL=127.0.0.1:6379",
		"HISTORY_SIZE=-1", "HISTORY_TTL=7 days", "TAIL_SIZE=1", "HEARTBEAT=soon", "HEARTBEAT=0s",
		"LEAVE_DELAY=-1s", "DRAIN=5", "SESSION_SECRET=short", "NOTICE_LIMIT=many", "CORS_ORIGINS=example.org",
		"TRUSTED_PROXIES=proxy", "LOG_LEVEL=loud", "LOG_FORMAT=xml", "MESSAGE_RATE=-1", "MESSAGE_RATE=NaN",
		"MESSAGE_BURST=0", "SESSION_RATE=x", "KEY_PREFIX={a}",
		"ADMIN_ADDR=9100", "HOSTS=https://chat.example", "REQUEST_RATE=-1", "REQUEST_BURST=0",
	} {
		t.Run(wrong, func(t *testing.T) {
			name, value, _ := strings.Cut(wrong, "=")
			// Of two settings of one variable the later counts, so wrong stands last.
			i := launch(t, checkedBinary, 0, "HOST=127.0.0.1", fmt.Sprintf("PORT=%d", freePort(t)), wrong)
			if code := i.exitCode(10 * time.Second); code != 2 {
				t.Errorf("exit code %d, want 2", code)
			}
			holdToOneLine(t, i, name+": ", "expected")
			if name == "SESSION_SECRET" && strings.Contains(i.out.String(), value) {
				t.Error("the line repeats a secret")
			}
		})
	}
}

func TestStart_AnIdleInstanceIsSmall(t *testing.T) {
	t.Parallel()
	const most = 64 << 20 // bytes
	redis := startRedis(t)
	one := startPlainInstance(t, redis.url())
	mustCall(t, http.StatusOK, http.MethodGet, one.base+"/", "")
	if resident := one.residentBytes(); resident > most {
		t.Errorf("an idle instance holds %d MiB, want at most %d", resident>>20, most>>20)
	}
}

// holdToOneLine wants all that the process wrote to be one line with these words.
func holdToOneLine(t *testing.T, i *instance, words ...string) {
	t.Helper()
	output := i.out.String()
	if strings.Count(output, "\n") != 1 || !strings.HasSuffix(output, "\n") {
		t.Errorf("output %q, want one line", output)
	}
	for _, word := range words {
		if !strings.Contains(output, word) {
			t.Errorf("output %q, want %q in it", output, word)
		}
	}
}
