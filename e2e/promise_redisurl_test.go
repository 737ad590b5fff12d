//go:build linux

package e2e

import (
	"strings"
	"testing"
	"time"
)

func TestPromise4_ARedisURLWhosePasswordIsHalfReadIsRefusedAndNotRepeated(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"redis://:1#hunter2@127.0.0.1:6379/0",
		"redis://hunter2#x:y@127.0.0.1:6379/0",
		"redis://127.0.0.1:6379?master_name=m&password=x#hunter2",
		"redis://:1/hunter2@127.0.0.1:6379?addr=127.0.0.1:6380",
		"redis://127.0.0.1:6379?addr=127.0.0.1:6380&password=x;hunter2",
	} {
		i := launch(t, plainBinary, freePort(t), "REDIS_URL="+url, "LOG_LEVEL=debug")
		select {
		case <-i.done:
			if code := i.exitCode(time.Second); code != 2 {
				t.Errorf("%s: exit code %d, want 2", url, code)
			}
		case <-time.After(3 * time.Second):
			t.Errorf("%s: it starts", url)
		}
		i.kill()
		if said := i.out.String(); strings.Contains(said, "hunter2") || !strings.Contains(said, "REDIS_URL") {
			t.Errorf("%s: its output is\n%s", url, said)
		}
	}
}
