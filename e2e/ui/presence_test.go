//go:build linux

package ui

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"causette/chat"
)

func TestUI28_ParticipantsAreCountedOverAllInstancesAndListed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	other := s.twin()
	w := open(t, s.url).join("Zoé")
	count := `document.querySelector("#participants-count").textContent`
	bob := open(t, other.url).join("Bob")
	w.await("two", count+` === "2"`)
	bob.await("two there too", count+` === "2"`)
	w.click("participants")
	w.await("their names", `shown("#people") && [...document.querySelectorAll("#people-list .name")].map((e) => e.textContent).sort().join() === "Bob,Zoé" && document.querySelector("#people-title").textContent === "2 participants"`)
	w.press("Escape")
	w.await("closed", `!shown("#people")`)
	// Each change is timed before the page sets the timer that the next one waits for.
	w.run(`globalThis.changes = []; const shown = document.querySelector("#participants-count"), text = Object.getOwnPropertyDescriptor(Node.prototype, "textContent");
		Object.defineProperty(shown, "textContent", { get() { return text.get.call(this); }, set(v) { changes.push(performance.now()); text.set.call(this, v); } })`)
	last := 2
	for js[int](w, `changes.length`) < 3 {
		if last++; last > 1000 {
			t.Fatal("1,000 counts, and the page showed fewer than three")
		}
		if err := s.store.PublishLive(t.Context(), chat.Lobby, chat.Event{Kind: chat.KindPresence, Data: fmt.Appendf(nil, `{"participants":%d,"named":0}`, last)}); err != nil {
			t.Fatal(err)
		}
		w.frames(3)
	}
	w.await("the last", fmt.Sprintf(`%s === "%d"`, count, last))
	w.want("at most once a second", `changes.every((t, i) => !i || t - changes[i - 1] >= 999)`)
	w.want("not dimmed", `!document.querySelector("#participants").matches(".stale")`)
	w.provoke()
	s.stop()
	w.await("dimmed", `document.querySelector("#participants").matches(".stale") && getComputedStyle(document.querySelector("#participants .icon")).opacity < 1`)
}

func TestUI29_WhoIsTypingIsSaidWithoutMovingAnything(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fill(3)
	w := open(t, s.url, look{lang: "fr"}).join("Zoé")
	w.await("the notice, which moves what is above it", `document.querySelector("#rows .notice")`)
	w.frames(2)
	line := `document.querySelector("#typing").innerText`
	w.run(`globalThis.shifts = 0; new PerformanceObserver((l) => l.getEntries().forEach((e) => shifts += e.value)).observe({ type: "layout-shift" }); globalThis.foot = box("#foot").top`)
	s.typist("Alice")
	w.await("one", line+` === "Alice écrit…"`)
	s.typist("Bob")
	w.await("two", line+` === "Alice et Bob écrivent…"`)
	begun := time.Now()
	s.typist("Carol")
	s.typist("Dan")
	w.await("two and others", line+` === "Alice, Bob et 2 autres écrivent…"`)
	w.want("nothing moved", `shifts === 0 && box("#foot").top === foot`)
	s.say("Dan", "done")
	w.await("who has spoken types no more", line+` === "Alice, Bob et 1 autre écrivent…"`)
	w.await("all expire", line+` === ""`)
	if took := time.Since(begun); took < 5500*time.Millisecond || took > 12*time.Second {
		t.Errorf("expired after %s", took)
	}
	before, began := s.requests("POST /typing"), time.Now()
	for range 20 {
		w.do("type", chromedp.SendKeys(chromedp.ID("text"), "x"))
	}
	eventually(t, func() error {
		if s.requests("POST /typing") == before {
			return fmt.Errorf("nothing was told")
		}
		return nil
	})
	if n, took := s.requests("POST /typing")-before, time.Since(began); n > 2+int(took/(2*time.Second)) {
		t.Errorf("%d times told in %s", n, took)
	}
}

func TestUI30_TheIndicatorIsCalmAndSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url, look{lang: "fr", before: `Math.random = () => 0.99`}).live()
	w.want("icon, words and colour", `shown("#connection .icon") && document.querySelector("#connection-text").innerText === "En ligne" && getComputedStyle(document.querySelector("#connection")).color !== getComputedStyle(document.querySelector("#typing")).color`)
	w.run(`globalThis.states = []; new MutationObserver(() => states.push(document.querySelector("#connection").dataset.state)).observe(document.querySelector("#connection"), { attributes: true })`)
	w.provoke()
	// The browser comes back after 1 to 3 s by itself, told by retry:.
	s.instead(func(rw http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/events" {
			return false
		}
		s.handler.ServeHTTP(soon{rw}, r)
		return true
	})
	w.reload()
	w.live()
	w.run(`globalThis.states = []; new MutationObserver(() => states.push(document.querySelector("#connection").dataset.state)).observe(document.querySelector("#connection"), { attributes: true })`)
	s.cut()
	s.say("Alice", "after the blink")
	w.awaitText("after the blink")
	w.want("a short drop is not shown", `states.every((s) => s === "live")`)
	s.honest()
	s.stop()
	w.run(`globalThis.cutAt = performance.now(); new MutationObserver(() => { if (document.querySelector("#connection").dataset.state !== "live") globalThis.shownAt ??= performance.now() }).observe(document.querySelector("#connection"), { attributes: true })`)
	w.await("amber", `["reconnecting", "waiting"].includes(document.querySelector("#connection").dataset.state)`)
	w.want("after 2 s", `shownAt - cutAt > 1500`)
	w.await("a wait with a button", `document.querySelector("#connection").dataset.state === "waiting" && shown("#retry") && document.querySelector("#retry").innerText === "Réessayer maintenant" && document.querySelector("#connection-text").innerText === "Hors ligne"`)
	w.await("a long one is counted down", `/^nouvel essai dans \d+ s$/.test(document.querySelector("#connection-countdown").innerText)`)
	s.start()
	w.await("the button", `shown("#retry")`)
	w.run(`document.querySelector("#retry").click()`)
	w.live()
	w.want("no button when all is well", `!shown("#retry") && document.querySelector("#connection-countdown").innerText === ""`)
}

// soon makes a browser come back after 300 ms.
type soon struct{ http.ResponseWriter }

func (w soon) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w soon) Write(b []byte) (int, error) {
	if len(b) > 6 && string(b[:6]) == "retry:" {
		if _, err := w.ResponseWriter.Write([]byte("retry: 300\n\n")); err != nil {
			return 0, err
		}
		rest := b
		for i, c := range b {
			if c == '\n' {
				rest = b[i+1:]
				break
			}
		}
		if _, err := w.ResponseWriter.Write(rest); err != nil {
			return 0, err
		}
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

func TestUI31_WhereMessagesMayBeMissingTheLogSaysSo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fill(5)
	w := open(t, s.url, look{lang: "fr"}).live()
	w.provoke()
	s.stop()
	for i := range 60 {
		s.say("Carol", fmt.Sprint("missed ", i))
	}
	// A position that no log knows, as when Redis lost it.
	s.instead(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/events" {
			r.Header.Del("Last-Event-ID")
			r.URL.RawQuery = "room=lobby&last_event_id=1-1"
		}
		return false
	})
	s.start()
	w.await("said", `[...document.querySelectorAll(".rule.gap")].some((e) => e.innerText.trim() === "Des messages ont pu manquer ici")`)
	w.await("and the newest page", `row("missed 10") && row("missed 59") && row("message 4")`)
	w.want("the line between", `row("message 4").compareDocumentPosition(document.querySelector(".rule.gap")) & 4 && document.querySelector(".rule.gap").compareDocumentPosition(row("missed 10")) & 4`)
	w.want("each once", `new Set(texts()).size === texts().length`)
}
