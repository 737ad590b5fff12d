//go:build linux

package ui

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/chromedp/cdproto/input"

	"causette/chat"
)

// isPost reports whether a request is a message that is being posted.
func isPost(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Path == "/messages" }

func TestUI22_OnesOwnRowIsThereInAFrameAndSaysThatItIsSentOnlyLater(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url, look{lang: "fr"}).join("Zoé")
	held := make(chan struct{})
	s.instead(func(_ http.ResponseWriter, r *http.Request) bool {
		if isPost(r) {
			<-held
		}
		return false
	})
	w.run(`document.querySelector("#text").value = "vite"; document.querySelector("#text").dispatchEvent(new Event("input"));
		globalThis.begun = performance.now();
		document.querySelector("#composer").requestSubmit();
		globalThis.atOnce = Boolean(row("vite")?.matches(".pending"));
		globalThis.quiet = !row("vite")?.querySelector(".delivery");
		new MutationObserver(() => { globalThis.said ??= row("vite")?.querySelector(".delivery") && performance.now() - begun }).observe(document.querySelector("#rows"), { childList: true, subtree: true })`)
	w.want("in the same frame, in silence", `atOnce && quiet`)
	w.await("said that it is being sent", `globalThis.said && row("vite").querySelector(".delivery").innerText.startsWith("Envoi…")`)
	w.want("not before 400 ms", `said >= 399`)
	close(held)
	w.await("arrived", `row("vite").dataset.id && !row("vite").querySelector(".delivery")`)
}

func TestUI23_WhatIsSentOfflineArrivesOnceInOrderAlsoAfterAReload(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url).join("Zoé")
	w.provoke()
	s.stop()
	for i := range 3 {
		w.send(fmt.Sprint("offline ", i))
		w.await("shown, and the composer free", fmt.Sprintf(`row("offline %d") && !document.querySelector("#text").disabled && document.activeElement.id === "text"`, i))
	}
	s.start()
	// The page can only be loaded from a server that is there; the messages must not go out before it goes.
	s.instead(func(w http.ResponseWriter, r *http.Request) bool {
		if isPost(r) {
			http.Error(w, "", http.StatusBadGateway)
		}
		return isPost(r)
	})
	w.reload()
	w.await("still there, in order", `texts().join() === "offline 0,offline 1,offline 2"`)
	// The first POST is taken, but its answer is lost.
	var lost atomic.Bool
	s.instead(func(w http.ResponseWriter, r *http.Request) bool {
		if !isPost(r) || !lost.CompareAndSwap(false, true) {
			return false
		}
		s.mu.Lock()
		handler := s.handler
		s.mu.Unlock()
		handler.ServeHTTP(discard{http.Header{}}, r)
		panic(http.ErrAbortHandler)
	})
	w.await("all arrived", `rows().length === 3 && rows().every((r) => r.dataset.id)`)
	if got := strings.Join(s.texts(chat.Lobby), ","); got != "offline 0,offline 1,offline 2" {
		t.Errorf("the log has %s", got)
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func TestUI24_AFailureCanBeTriedAgainOrDiscardedAndALimitIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url, look{lang: "fr"}).join("Zoé")
	w.provoke()
	refuse := func(status int, code string) {
		s.instead(func(w http.ResponseWriter, r *http.Request) bool {
			if isPost(r) {
				w.Header().Set("Content-Type", "application/problem+json")
				w.WriteHeader(status)
				fmt.Fprintf(w, `{"code":%q,"detail":"non"}`, code)
			}
			return isPost(r)
		})
	}
	refuse(http.StatusUnprocessableEntity, "text_control")
	w.send("un")
	w.send("deux")
	failed := `[...document.querySelectorAll(".failed .delivery")].map((d) => [...d.querySelectorAll("button")].filter((b) => !b.hidden).map((b) => b.innerText).join()).join(";")`
	w.await("both failed, with what can be done", failed+` === "Réessayer,Supprimer;Réessayer,Supprimer"`)
	w.want("the text is there, and an alert says why", `row("un") && row("un").querySelector("[role=alert]").innerText.includes("caractère de commande")`)
	s.honest()
	w.run(`row("un").querySelector(".retry").click(); row("deux").querySelector(".discard").click()`)
	w.await("one arrived, one gone", `rows().length === 1 && row("un").dataset.id && !row("un").matches(".failed")`)

	var came, limited atomic.Int64 // the requests, and when the first was refused, in milliseconds
	early := make(chan time.Duration, 1)
	s.instead(func(w http.ResponseWriter, r *http.Request) bool {
		if !isPost(r) {
			return false
		}
		switch came.Add(1) {
		case 1:
			limited.Store(time.Now().UnixMilli())
			w.Header().Set("Content-Type", "application/problem+json")
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(w, `{"code":"rate_limited"}`)
			return true
		case 2:
			early <- time.Since(time.UnixMilli(limited.Load()))
		}
		return false
	})
	w.send("trois")
	w.await("said how long", `row("trois")?.querySelector(".delivery")?.innerText.includes("2 secondes")`)
	w.send("quatre") // waits as well, and in its turn
	w.await("arrived", `row("trois").dataset.id && row("quatre").dataset.id`)
	if waited := <-early; waited < 2*time.Second-10*time.Millisecond {
		t.Errorf("asked for 2 s, it tried again after %s", waited)
	}
	if n := came.Load(); n != 3 {
		t.Errorf("%d requests for two messages and a refusal", n)
	}
	if got := s.texts(chat.Lobby); !slices.Equal(got, []string{"un", "trois", "quatre"}) {
		t.Errorf("the log has %q", got)
	}
}

// What a server says that is there and takes nothing is said of the message, and it is sent again.
func TestUI24_AMessageThatAServerHasNoRoomForSaysSoAndArrivesLater(t *testing.T) {
	t.Parallel()
	for code, words := range map[string]string{"storage_full": "no room for new messages", "busy": "Too much is asked"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			w := open(t, s.url).join("Zoé")
			w.provoke()
			s.instead(func(w http.ResponseWriter, r *http.Request) bool {
				if !isPost(r) {
					return false
				}
				w.Header().Set("Content-Type", "application/problem+json")
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusServiceUnavailable)
				fmt.Fprintf(w, `{"code":%q}`, code)
				return true
			})
			w.send("un")
			w.await("it says why", `row("un")?.querySelector(".delivery")?.innerText.includes("`+words+`")`)
			s.honest()
			w.await("arrived", `row("un").dataset.id`)
		})
	}
}

func TestUI25_OneRowWhetherTheEchoComesBeforeTheAnswerOrAfter(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url).join("Zoé")
	answered := make(chan struct{})
	s.instead(func(w http.ResponseWriter, r *http.Request) bool {
		if !isPost(r) {
			return false
		}
		s.handler.ServeHTTP(waiting{w, answered}, r)
		return true
	})
	w.send("echo first")
	w.await("settled by the echo", `row("echo first")?.dataset.id`)
	close(answered)
	s.honest()
	w.send("next")
	w.await("next", `row("next")?.dataset.id`)
	w.want("one row each", `rows().length === 2`)
	// A stream that stands still brings the echo only after it was opened again.
	s.instead(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/events" {
			panic(http.ErrAbortHandler)
		}
		return false
	})
	w.provoke()
	s.cut()
	w.send("answer first")
	w.await("settled by the answer", `row("answer first")?.dataset.id`)
	s.honest()
	w.run(`document.querySelector("#retry").click()`)
	s.say("Alice", "after")
	w.awaitText("after")
	w.want("one row each", `rows().length === 4`)
}

// waiting holds an answer back until it may go.
type waiting struct {
	http.ResponseWriter
	until <-chan struct{}
}

func (w waiting) WriteHeader(status int) { <-w.until; w.ResponseWriter.WriteHeader(status) }
func (w waiting) Write(b []byte) (int, error) {
	<-w.until
	return w.ResponseWriter.Write(b)
}

func TestUI26_EnterSendsWhereThereIsAKeyboardAndNeverInAComposition(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url).join("Zoé")
	value := `document.querySelector("#text").value`
	w.do("write", chromedp.SendKeys(chromedp.ID("text"), "one"))
	w.press("Enter", shift)
	w.do("write on", chromedp.SendKeys(chromedp.ID("text"), "two"))
	w.want("a line break", value+` === "one\ntwo"`)
	w.press("Enter")
	w.await("sent", `row("one\ntwo") && `+value+` === ""`)
	w.do("compose", send(input.ImeSetComposition, input.ImeSetCompositionParams{Text: "にほ", SelectionStart: 2, SelectionEnd: 2}))
	w.run(`document.querySelector("#text").dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true }));
		document.querySelector("#text").dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, bubbles: true, cancelable: true }))`)
	w.want("not sent", `rows().length === 1 && `+value+` === "にほ"`)

	phone := open(t, s.url, look{width: 400, height: 700, touch: true, features: map[string]string{"hover": "none", "pointer": "coarse"}}).join("Bob")
	phone.want("a phone", `matchMedia("(hover: none) and (pointer: coarse)").matches`)
	phone.do("write", chromedp.SendKeys(chromedp.ID("text"), "on\rphone"))
	phone.want("Enter breaks", value+` === "on\nphone" && !row("on\nphone")`)
	phone.click("send")
	phone.await("the button sends", `row("on\nphone")`)
}

func TestUI27_DraftsSurviveAndALongTextIsCountedAndNeverCut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url).join("Zoé")
	w.do("write", chromedp.SendKeys(chromedp.ID("text"), "a draft"))
	w.reload()
	w.live()
	w.want("it is there", `document.querySelector("#text").value === "a draft" && !shown("#counter")`)
	set := func(n int) {
		w.run(fmt.Sprintf(`const t = document.querySelector("#text"); t.value = "é".repeat(%d); t.dispatchEvent(new Event("input"))`, n))
	}
	set(1799)
	w.want("no counter yet", `!shown("#counter")`)
	set(1800)
	w.want("200 left", `document.querySelector("#counter").innerText === "200 characters left"`)
	set(2001)
	w.want("one too many", `document.querySelector("#counter").innerText === "1 character too many"`)
	w.press("Enter")
	w.want("neither cut nor sent", `document.querySelector("#text").value.length === 2001 && rows().length === 0`)
	set(2000)
	w.run(`document.querySelector("#composer").requestSubmit()`)
	w.await("sent whole", `rows()[0]?.dataset.id && texts()[0].length === 2000`)
}
