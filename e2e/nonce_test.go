//go:build linux

package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestPost_TheSameNonceAtOnceOnTwoInstancesIsOneMessage(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	settings := append([]setting{redis.url()}, quiet...)
	one, two := startInstance(t, settings...), startInstance(t, settings...)
	ana := enter(t, one.base, "ana")
	reader := listen(t, subscription{base: two.base, room: "nonces"})

	const pairs = 40
	var want []string
	for n := range pairs {
		body := asJSON(post{Room: "nonces", Text: fmt.Sprintf("salut %d", n), Nonce: fmt.Sprintf("nonce-%d", n)})
		answers := postAtOnce(t, []string{one.base, two.base}, body, ana)
		statuses := []int{answers[0].status, answers[1].status}
		slices.Sort(statuses)
		if !slices.Equal(statuses, []int{http.StatusOK, http.StatusCreated}) {
			t.Fatalf("pair %d: statuses %v, want one 201 and one 200: %s, %s", n, statuses, answers[0].body, answers[1].body)
		}
		first, second := read[message](t, string(answers[0].body)), read[message](t, string(answers[1].body))
		if first != second || first.ID == "" {
			t.Fatalf("pair %d: answered %+v and %+v", n, first, second)
		}
		want = append(want, first.ID)
	}

	a := mustCall(t, http.StatusConflict, http.MethodPost, two.base+"/messages",
		asJSON(post{Room: "nonces", Text: "something else", Nonce: "nonce-0"}), ana.bearer())
	if _, err := a.problem(); err != nil {
		t.Error(err)
	}
	again := mustCall(t, http.StatusOK, http.MethodPost, two.base+"/messages",
		asJSON(post{Room: "nonces", Text: "salut 0", Nonce: "nonce-0"}), ana.bearer())
	if m := read[message](t, string(again.body)); m.ID != want[0] {
		t.Errorf("the first message sent again is %s, want %s", m.ID, want[0])
	}

	reader.awaitText(5*time.Second, ana.say(t, one.base, "nonces", "the end").Text)
	var got []string
	for _, m := range reader.messages() {
		got = append(got, m.ID)
	}
	if !slices.Equal(got[:len(got)-1], want) {
		t.Errorf("the reader has %v, want %v and the end", got, want)
	}
}

// postAtOnce sends the same request to every base at the same moment.
func postAtOnce(t *testing.T, bases []string, body string, as visitor) []answer {
	t.Helper()
	answers, errs := make([]answer, len(bases)), make([]error, len(bases))
	ready := make(chan struct{})
	var all sync.WaitGroup
	for n, base := range bases {
		all.Go(func() {
			<-ready
			answers[n], errs[n] = call(t.Context(), http.MethodPost, base+"/messages", body, as.bearer())
		})
	}
	close(ready)
	all.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return answers
}
