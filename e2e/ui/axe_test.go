//go:build linux

package ui

import (
	_ "embed"
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"

	"causette/chat"
)

// axeSource is axe-core 4.14.1's axe.min.js, as npm has it (MPL 2.0).
//
//go:embed testdata/axe.min.js
var axeSource string

// axe fails the test for each thing that axe-core finds wrong.
func (w *window) axe(state string) {
	w.t.Helper()
	// Loaded as a debugger does, which the page's own policy does not concern.
	w.do("load axe", chromedp.Evaluate[chromedp.Void](`globalThis.axe || (() => {`+axeSource+`})(); 0`))
	for _, found := range js[[]string](w, `axe.run(document, { rules: { "target-size": { enabled: true } }, resultTypes: ["violations"] })
		.then(({ violations }) => violations.map((v) => v.id + ": " + v.nodes.map((n) => n.target.join(" ") + " " + (n.any[0]?.message ?? n.failureSummary)).join("; ")))`) {
		w.t.Errorf("%s: %s", state, found)
	}
}

func TestUI33_AxeFindsNothingInAnyState(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{360, 1100} {
			t.Run(fmt.Sprintf("%s%d", scheme, width), func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				if err := s.store.Claim(t.Context(), somebody, "Alice"); err != nil {
					t.Fatal(err)
				}
				w := open(t, s.url, look{scheme: scheme, width: width, height: 700}).live()
				w.provoke()
				w.axe("empty, without a name")
				w.do("take a taken name", chromedp.SendKeys(chromedp.ID("nickname"), "Alice"))
				w.press("Enter")
				w.await("taken", `shown("#nickname-suggestion")`)
				w.axe("taken")
				w.click("nickname-suggestion")
				w.await("in", `shown("#composer")`)
				s.fill(60)
				s.say("Bob", "hi @"+js[string](w, `document.querySelector("#me-name").textContent`)+" https://example.org `code`\n```\nfence\n```")
				for _, name := range []string{"Ann", "Ben", "Cleo"} {
					s.notice(chat.NoticeJoin, name)
				}
				s.typist("Ann")
				w.await("busy", `document.querySelector("#rows details") && document.querySelector("#typing").innerText`)
				w.run(`document.querySelector("#rows summary").click()`)
				w.axe("busy")
				w.up(400)
				s.say("Bob", "below")
				w.await("a pill", `shown("#pill")`)
				w.axe("pill")
				w.click("pill")
				for _, id := range panels {
					if id == "rooms-button" && width > 1000 {
						continue // it stands there all the time
					}
					w.do("open "+id, chromedp.Evaluate[chromedp.Void](`document.getElementById(`+quote(id)+`).click()`))
					w.await("open, and filled", `document.querySelector(":popover-open") && (!document.querySelector("#people:popover-open") || document.querySelector("#people-list .name"))`)
					w.frames(5)
					w.axe(id)
					w.press("Escape")
				}
				w.click("me")
				w.axe("renaming")
				w.press("Escape")
				s.instead(func(w http.ResponseWriter, r *http.Request) bool {
					if isPost(r) {
						w.WriteHeader(http.StatusUnprocessableEntity)
					}
					return isPost(r)
				})
				w.send("fails")
				w.await("failed", `document.querySelector(".failed")`)
				w.axe("failed")
				s.honest()
				s.redis.SetError("away")
				s.redis.Close()
				w.state("degraded")
				w.axe("degraded")
				s.stop()
				w.state("reconnecting")
				w.axe("reconnecting")
				w.send("later")
				w.await("kept for later", `row("later")?.querySelector(".discard")`)
				w.axe("queued")
				w.state("waiting")
				w.axe("waiting")
			})
		}
	}
}

func TestUI33_AxeFindsNothingWithoutANetwork(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fill(5)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{360, 1100} {
			w := open(t, s.url, look{scheme: scheme, width: width, height: 700, before: withoutANetwork}).live()
			w.provoke()
			w.run(`net = false`)
			s.stop()
			w.state("offline")
			w.axe(fmt.Sprintf("offline, %s, %d", scheme, width))
			s.start()
		}
	}
}

// panels are the buttons that open one.
var panels = []string{"rooms-button", "participants", "menu-button"}
