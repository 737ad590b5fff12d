//go:build linux

package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// sessions starts two instances that sign with one secret.
func sessions(t *testing.T) (one, two *instance) {
	t.Helper()
	settings := append([]setting{startRedis(t).url(), "SESSION_SECRET=" + sessionSecret}, quiet...)
	return startInstance(t, settings...), startInstance(t, settings...)
}

// countsForNothing tries a bearer token wherever one counts.
func countsForNothing(t *testing.T, base string, v visitor) {
	t.Helper()
	for path, body := range map[string]string{
		"/messages": `{"text":"it is me"}`, "/typing": `{}`, "/nicknames": `{"nickname":"mine"}`, "/session/end": `{}`,
	} {
		a, err := call(t.Context(), http.MethodPost, base+path, body, v.bearer())
		p, errProblem := a.problem()
		if err != nil || errProblem != nil || p.Code != "invalid_token" || p.Status != http.StatusUnauthorized {
			t.Errorf("POST %s: status %d, %s, error %v", path, a.status, a.body, err)
		}
	}
	for _, path := range []string{"/events", "/"} {
		mustCall(t, http.StatusUnauthorized, http.MethodGet, base+path, "", v.bearer())
	}
}

func TestPromise1_AfterARenameTheTokenBeforeItCanDoNothing(t *testing.T) {
	t.Parallel()
	one, two := sessions(t)
	before := enter(t, one.base, "ana")
	a := mustCall(t, http.StatusOK, http.MethodPost, one.base+"/nicknames", `{"nickname":"anna"}`, before.bearer())
	owner := read[visitor](t, string(a.body))
	for _, i := range []*instance{one, two} {
		countsForNothing(t, i.base, before)
		// A guest may say something as ana, who is nobody; the old session may not, even so.
		as := `{"text":"a","nickname":"ana"}`
		mustCall(t, http.StatusUnauthorized, http.MethodPost, i.base+"/messages", as, before.bearer())
		owner.say(t, i.base, "lobby", "not locked out")
	}
	a = mustCall(t, http.StatusOK, http.MethodPost, two.base+"/nicknames", `{"nickname":"anne"}`, owner.bearer())
	last := read[visitor](t, string(a.body))
	if last.ID != before.ID {
		t.Errorf("%s became %s", before.ID, last.ID)
	}
	countsForNothing(t, one.base, owner)
	last.say(t, one.base, "lobby", "still me")
}

func TestPromise1_ThePageRenewsNoTokenThatWasReplaced(t *testing.T) {
	t.Parallel()
	one, two := sessions(t)
	ana := enter(t, one.base, "ana")
	ana.Token = token(sessionSecret, ana, 24*time.Hour) // in its second half
	cookie := fmt.Sprintf("causette-%d=", two.port)
	page := func() (session string) {
		a := mustCall(t, http.StatusOK, http.MethodGet, two.base+"/", "", "Cookie: "+cookie+ana.Token)
		for _, line := range a.header.Values("Set-Cookie") {
			if parts := strings.Split(line, "."); strings.HasPrefix(line, cookie) && len(parts) > 1 {
				content, err := base64.RawURLEncoding.DecodeString(parts[1])
				if err != nil {
					t.Fatal(err)
				}
				return string(content)
			}
		}
		return ""
	}
	if renewed := page(); !strings.Contains(renewed, ana.ID) {
		t.Fatalf("a token that counts was not renewed: %q", renewed)
	}
	mustCall(t, http.StatusOK, http.MethodPost, one.base+"/nicknames", `{"nickname":"anna"}`, ana.bearer())
	if renewed := page(); strings.Contains(renewed, ana.ID) {
		t.Errorf("the page renewed a token of a name that was given up: %s", renewed)
	}
}

func TestPromise1_ASessionThatIsEndedIsEndedOnEveryInstance(t *testing.T) {
	t.Parallel()
	one, two := sessions(t)
	ana := enter(t, one.base, "ana")
	again := func() visitor { // another token of the same session
		a := mustCall(t, http.StatusOK, http.MethodPost, two.base+"/nicknames", `{"nickname":"ana"}`, ana.bearer())
		return read[visitor](t, string(a.body))
	}
	stolen, kept := again(), again()
	reader := listen(t, subscription{base: two.base, room: "lobby", as: ana})
	eventually(t, 10*time.Second, "ana is in the room", func() error {
		if names, _, err := people(t.Context(), one.base, "lobby"); err != nil || len(names) != 1 {
			return fmt.Errorf("%v, %w", names, err)
		}
		return nil
	})

	mustCall(t, http.StatusNoContent, http.MethodPost, one.base+"/session/end", `{}`, stolen.bearer())
	for _, i := range []*instance{one, two} {
		countsForNothing(t, i.base, stolen)
		kept.say(t, i.base, "lobby", "the others count")
	}
	mustCall(t, http.StatusNoContent, http.MethodPost, two.base+"/session/end", `{"all":"true"}`, ana.bearer())
	for _, i := range []*instance{one, two} {
		for _, v := range []visitor{ana, kept, stolen} {
			countsForNothing(t, i.base, v)
		}
	}
	names, participants, err := people(t.Context(), one.base, "lobby")
	if err != nil || len(names) != 0 || participants != 1 {
		t.Errorf("%v of %d in the room, error %v: want one without a name", names, participants, err)
	}
	enter(t, one.base, "ana") // the name is free
	if m := reader.messages(); len(m) != 2 {
		t.Errorf("the stream has %d messages, want 2: reading goes on", len(m))
	}
}
