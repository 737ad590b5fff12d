package store

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestDial_APasswordIsUsedWholeOrTheURLIsRefused(t *testing.T) {
	for _, test := range []struct{ url, password string }{ // password is empty where it is refused
		{"redis://:hunter%23two@127.0.0.1:1/0", "hunter#two"},
		{"redis://:hunter%3Ftwo@127.0.0.1:1/0", "hunter?two"},
		{"redis://:hunter%2Ftwo@127.0.0.1:1/0", "hunter/two"},
		{"redis://:hunter%25two@127.0.0.1:1/0", "hunter%two"},
		{"redis://:hunter%20two@127.0.0.1:1/0", "hunter two"},
		{"redis://:hunter%40two@127.0.0.1:1/0", "hunter@two"},
		{"redis://:hunter@two@127.0.0.1:1/0", "hunter@two"},
		{"redis://user:hunter:two@127.0.0.1:1/0", "hunter:two"},
		{"redis://:hunter&two=3;4,5+6@127.0.0.1:1", "hunter&two=3;4,5+6"},
		{"redis://127.0.0.1:1?master_name=m&password=hunter%23two", "hunter#two"},
		{"redis://127.0.0.1:1?master_name=m&password=hunter@two", "hunter@two"},

		{"redis://:hunter#two@127.0.0.1:1/0", ""},
		{"redis://:1#hunter@127.0.0.1:1/0", ""},
		{"redis://:#hunter@127.0.0.1:1/0", ""},
		{"redis://hunter#two:x@127.0.0.1:1/0", ""},
		{"redis://127.0.0.1:1/0#hunter", ""},
		{"redis://:hunter?two@127.0.0.1:1/0", ""},
		{"redis://:1?hunter@127.0.0.1:1/0", ""},
		{"redis://:1?addr=hunter@127.0.0.1:1", ""},
		{"redis://:hunter/two@127.0.0.1:1/0", ""},
		{"redis://:1/2@127.0.0.1:1?addr=127.0.0.1:2", ""},
		{"redis://:1/hunter@127.0.0.1:1?master_name=m", ""},
		{"redis://:hunter two@127.0.0.1:1/0", ""},
		{"redis://:hunter%two@127.0.0.1:1/0", ""},
		{"redis://:hunter\\two@127.0.0.1:1/0", ""},
		{"redis://:hunter[two@127.0.0.1:1/0", ""},
		{"redis://:hünter@127.0.0.1:1/0", ""},
		{"redis:hunter@127.0.0.1:1", ""},
		{"redis://127.0.0.1:1?master_name=m&password=hunter#two", ""},
		{"redis://127.0.0.1:1?master_name=m&password=hunter&two", ""},
		{"redis://127.0.0.1:1?master_name=m&password=hunter;two", ""},
		{"redis://127.0.0.1:1?master_name=m&password=hunter%two", ""},
		{"rediss://:hunter#two@127.0.0.1:1?addr=127.0.0.1:2", ""},
		{"unix://:hunter#two@/tmp/redis.sock", ""},
		{"unix:///tmp/redis.sock#hunter", ""},
	} {
		client, err := Dial(test.url)
		if test.password == "" {
			if !errors.Is(err, errURL) { // which repeats nothing
				t.Errorf("%s: got %v", test.url, err)
			}
			if err == nil {
				_ = client.Close()
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
			continue
		}
		if got := client.rest.(*redis.Client).Options().Password; !strings.Contains(test.url, "master_name") && got != test.password {
			t.Errorf("%s: the password is %q, want %q", test.url, got, test.password)
		}
		_ = client.Close()
	}
}

func TestDial_TheMasterOfSentinelsIsGivenItsWholePassword(t *testing.T) {
	o, err := redis.ParseFailoverURL("redis://127.0.0.1:1?master_name=m&password=hunter%23two%26three")
	if err != nil || o.Password != "hunter#two&three" {
		t.Errorf("got %+v, %v", o, err)
	}
}

func TestDial_NothingOfAPasswordIsLogged(t *testing.T) {
	var log strings.Builder
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer slog.SetDefault(before)
	client, err := Dial("redis://hunter:two%23three%2Ffour@nobody.invalid:1/0?dial_timeout=1s")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	err = errors.Join(client.rest.Ping(ctx).Err(), client.Close())
	for _, piece := range []string{"hunter", "two", "three", "four"} {
		if strings.Contains(log.String(), piece) || strings.Contains(err.Error(), piece) {
			t.Errorf("%q is in the log or an error:\n%s%v", piece, &log, err)
		}
	}
}
