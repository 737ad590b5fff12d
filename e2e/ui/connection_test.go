//go:build linux

package ui

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"causette/chat"
)

// awaitReaders waits until the lobby has so many.
func (s *site) awaitReaders(want int) {
	s.t.Helper()
	eventually(s.t, func() error {
		if n := s.store.Participants(chat.Lobby).Participants; n != want {
			return fmt.Errorf("%d read, want %d", n, want)
		}
		return nil
	})
}

func TestConnection_APageThatIsPutAwayHasNoStreamAndComesBackWithAll(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url).live()
	s.awaitReaders(1)
	for i, way := range [][2]string{
		{`dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }))`, `dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))`},
		{`document.dispatchEvent(new Event("freeze"))`, `document.dispatchEvent(new Event("resume"))`},
	} {
		w.run(way[0])
		s.awaitReaders(0)
		s.say("Alice", fmt.Sprint("meanwhile ", i))
		w.want("not heard", fmt.Sprintf(`!row("meanwhile %d")`, i))
		w.run(way[1] + `; globalThis.began = document.querySelector("#connection").dataset.state`)
		w.want("connecting first", `began === "connecting"`)
		w.live()
		w.awaitText(fmt.Sprint("meanwhile ", i))
		s.awaitReaders(1)
	}
	w.want("each once", `texts().join() === "meanwhile 0,meanwhile 1" && !document.querySelector(".rule.gap")`)
}

// withoutANetwork lets a test take the network away, by net = false. A worker has a
// navigator of its own, so the page does without.
const withoutANetwork = `delete globalThis.SharedWorker; globalThis.net = true; Object.defineProperty(navigator, "onLine", { get: () => net })`

func TestConnection_WithoutANetworkItSaysSoUntilThereIsOne(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url, look{lang: "fr", before: withoutANetwork}).live()
	w.provoke()
	w.run(`net = false`)
	s.stop()
	w.state("offline")
	w.want("in words, with a button", `document.querySelector("#connection-text").innerText === "Pas de réseau" && shown("#retry")`)
	s.say("Alice", "meanwhile")
	s.start()
	w.run(`net = true; dispatchEvent(new Event("online"))`)
	w.live()
	w.awaitText("meanwhile")
	w.want("no button", `!shown("#retry")`)
}

func TestConnection_AServerThatAnswersIsEnoughOfANetwork(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url, look{before: withoutANetwork}).live()
	w.provoke()
	w.run(`net = false`)
	s.stop()
	w.state("offline")
	s.say("Alice", "meanwhile")
	s.start()
	w.live()
	w.awaitText("meanwhile")
}

func TestConnection_ARefusalIsProbedAndItsRetryAfterIsKept(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url).live()
	w.provoke()
	var asked, refused, back atomic.Int64
	s.instead(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/events" {
			return false
		}
		switch asked.Add(1) {
		case 1: // the browser by itself: for it, a 502 is the end
		case 2: // the probe
			refused.Store(time.Now().UnixMilli())
		default:
			back.CompareAndSwap(0, time.Now().UnixMilli())
			return false
		}
		w.Header().Set("Retry-After", "4")
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	s.cut()
	w.state("waiting")
	s.say("Alice", "meanwhile")
	w.live()
	w.awaitText("meanwhile")
	if waited := time.Duration(back.Load()-refused.Load()) * time.Millisecond; waited < 4*time.Second-10*time.Millisecond {
		t.Errorf("told to wait for 4 s, it came after %s", waited)
	}
	w.want("nothing missing", `!document.querySelector(".rule.gap")`)
}
