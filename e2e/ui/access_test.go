//go:build linux

package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"causette/chat"
)

func TestUI32_AScreenReaderHearsNewMessagesButNoHistory(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fill(80)
	w := open(t, s.url, look{before: `globalThis.heard = []; globalThis.alerts = [];
		document.addEventListener("DOMContentLoaded", () => new MutationObserver((all) => { for (const { addedNodes } of all) for (const n of addedNodes) {
			if (n.nodeType === 1 && n.matches(".message") && document.querySelector("#log").ariaLive !== "off") heard.push(n.querySelector(".text").textContent);
			if (n.nodeType === 1 && n.querySelector?.("[role=alert]")) alerts.push(n.textContent);
		} }).observe(document.querySelector("#rows"), { childList: true, subtree: true }))`}).join("Zoé")
	w.want("a log one can reach", `((l) => l.role === "log" && l.tabIndex === 0 && l.ariaLabel.includes("lobby"))(document.querySelector("#log"))`)
	w.await("spoken after a while", `document.querySelector("#log").ariaLive === "polite"`)
	s.say("Alice", "spoken")
	w.await("spoken", `heard.join() === "spoken"`)
	w.run(`document.querySelector("#log").scrollTop = -1e6`)
	w.await("history", `rows().length > 60`)
	w.want("not spoken", `heard.join() === "spoken"`)
	w.run(`document.querySelector("#log").scrollTop = 0`)
	w.provoke()
	s.stop()
	for i := range 3 {
		s.say("Alice", fmt.Sprint("missed ", i))
	}
	w.await("quiet", `document.querySelector("#log").ariaLive === "off"`)
	s.start()
	w.awaitText("missed 2")
	w.await("one summary", `document.querySelector("#status").role === "status" && document.querySelector("#status").textContent === "3 messages came while you were away"`)
	w.want("not each", `heard.join() === "spoken" && alerts.length === 0`)
}

func TestUI34_AllCanBeDoneByKeyboard(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fill(40)
	w := open(t, s.url).join("Zoé")
	w.press("PageUp")
	w.await("the log goes up", `document.querySelector("#log").scrollTop < -100 && document.activeElement.id === "text"`)
	w.press("PageDown")
	w.await("and down", atBottom)
	w.run(`document.querySelector(".skip").focus()`)
	seen := []string{"skip"}
	for range 40 {
		w.press("Tab")
		id := js[string](w, `document.activeElement.id || document.activeElement.className`)
		if id == "" || len(seen) > 0 && seen[0] == id {
			break
		}
		seen = append(seen, id)
		w.want("the focus on "+id+" is seen", `(() => { const e = document.activeElement, b = box(e), hit = document.elementFromPoint(b.left + b.width / 2, Math.min(b.top + b.height / 2, innerHeight - 1));
			const style = getComputedStyle(e); return b.width > 0 && b.bottom > 0 && b.top < innerHeight && (e.contains(hit) || e.id === "log" || e.matches(".skip")) && (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) })()`)
	}
	for _, id := range []string{"skip", "brand", "rooms-button", "participants", "menu-button", "log", "me", "text", "send"} {
		if !strings.Contains(strings.Join(seen, " "), id) {
			t.Errorf("Tab never comes to %s: %v", id, seen)
		}
	}
	for _, id := range panels {
		w.run(fmt.Sprintf(`document.getElementById(%q).focus()`, id))
		w.press("Enter")
		w.await("open", `document.querySelector(":popover-open")`)
		w.press("Escape")
		w.await("Escape closes it", fmt.Sprintf(`!document.querySelector(":popover-open") && document.activeElement.id === %q`, id))
	}
	before := js[string](w, `document.querySelector("#log").ariaLabel + document.body.className + location.href`)
	w.run(`document.querySelector("#log").focus()`)
	for _, key := range []string{"j", "k", "n", "r", "m", "s", "/", "?"} {
		w.press(key)
	}
	if after := js[string](w, `document.querySelector("#log").ariaLabel + document.body.className + location.href`); after != before {
		t.Error("a bare letter does something")
	}
	w.want("nothing opened, nothing typed", `!document.querySelector(":popover-open") && document.querySelector("#text").value === ""`)
}

func TestUI35_ThemesContrastAndMotionAreAsTheReaderWants(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range 40 {
		s.say(fmt.Sprintf("Person%d", i), "hi")
	}
	ground := `getComputedStyle(document.body).backgroundColor`
	w := open(t, s.url).live()
	light := js[string](w, ground)
	dark := open(t, s.url, look{scheme: "dark"}).live()
	if js[string](dark, ground) == light {
		t.Error("dark is light")
	}
	contrast := `(() => {
		const c = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
		const lum = (color) => { c.fillStyle = color; c.fillRect(0, 0, 1, 1); const [r, g, b] = [...c.getImageData(0, 0, 1, 1).data].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b };
		const ratio = (a, b) => (Math.max(lum(a), lum(b)) + 0.05) / (Math.min(lum(a), lum(b)) + 0.05);
		const r = rows()[0], ratios = [];
		for (let hue = 0; hue < 12; hue++) { r.dataset.hue = hue;
			ratios.push(ratio(getComputedStyle(r.querySelector(".name")).color, getComputedStyle(document.body).backgroundColor), ratio(getComputedStyle(r.querySelector(".avatar")).color, getComputedStyle(r.querySelector(".avatar")).backgroundColor)) }
		return Math.min(...ratios) })()`
	for theme, page := range map[string]*window{"light": w, "dark": dark} {
		if r := js[float64](page, contrast); r < 4.5 {
			t.Errorf("%s: a nickname has a contrast of %.2f", theme, r)
		}
		page.want(theme+": one colour an author", `new Set(rows().slice(1).map((r) => r.dataset.author + r.dataset.hue)).size === new Set(rows().slice(1).map((r) => r.dataset.author)).size && new Set(rows().slice(1).map((r) => r.dataset.hue)).size > 5`)
	}
	w.click("menu-button")
	w.run(`document.querySelector("#theme input[value=dark]").click()`)
	if js[string](w, ground) == light {
		t.Error("the choice of dark does nothing")
	}
	w.reload()
	w.live()
	if js[string](w, ground) == light {
		t.Error("the choice of dark is forgotten")
	}
	still := open(t, s.url, look{features: map[string]string{"prefers-reduced-motion": "reduce"}}).join("Zoé")
	still.send("x")
	still.await("sent", `row("x")?.dataset.id`)
	still.want("nothing moves", `document.getAnimations().length === 0 && getComputedStyle(document.querySelector("#log")).scrollBehavior === "auto"`)
	forced := open(t, s.url, look{features: map[string]string{"forced-colors": "active"}}).join("Bob")
	forced.want("controls have edges in forced colours", `matchMedia("(forced-colors: active)").matches && [...document.querySelectorAll("#send, .tool, .message .text")].filter((e) => e.checkVisibility()).every((e) => parseFloat(getComputedStyle(e).borderTopWidth) >= 1)`)
}

func TestUI36_FrenchAndEnglishAreWhole(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url, look{lang: "fr-CA,fr;q=0.9"}).live()
	w.want("as the browser asks", `document.documentElement.lang === "fr" && document.querySelector("#connection-text").innerText === "En ligne"`)
	for lang, zero := range map[string]string{"fr": "0 participant", "en": "0 participants"} {
		w.do("choose "+lang, chromedp.Navigate(s.url+"/?lang="+lang))
		w.live()
		w.do("come again", chromedp.Navigate(s.url))
		w.live()
		w.want("kept", fmt.Sprintf(`document.documentElement.lang === %q`, lang))
		eventually(t, func() error { // the real number may come between
			if err := s.store.PublishLive(t.Context(), chat.Lobby, chat.Event{Kind: chat.KindPresence, Data: []byte(`{"participants":0,"named":0}`)}); err != nil {
				return err
			}
			if got := js[string](w, `document.querySelector("#people-title").textContent`); got != zero {
				return fmt.Errorf("%s says %q, not %q", lang, got, zero)
			}
			return nil
		})
	}
}

func TestUI37_EightTabsOverPlainHTTPAllReceiveAndAllPost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	keeper := open(t, s.url+"/healthz") // its windows go when it goes
	first := keeper.tab(s.url).join("Zoé")
	tabs := []*window{first}
	for range 7 {
		tabs = append(tabs, keeper.tab(s.url).live())
	}
	s.say("Alice", "to all")
	for _, w := range tabs {
		w.awaitText("to all")
	}
	moment := time.Now().Add(time.Second).UnixMilli() // all at once
	for i, w := range tabs {
		w.run(fmt.Sprintf(`document.querySelector("#text").value = "from %d"; setTimeout(() => document.querySelector("#composer").requestSubmit(), %d - Date.now())`, i, moment))
	}
	for _, w := range tabs {
		for i := range tabs {
			w.awaitText(fmt.Sprint("from ", i))
		}
		w.want("each once", `rows().length === 9`)
	}
	if n := s.requests("GET /events"); n != 1 {
		t.Errorf("%d streams for eight tabs", n)
	}
	first.close()
	s.say("Alice", "after the first closed")
	for _, w := range tabs[1:] {
		w.awaitText("after the first closed")
	}
	alone := open(t, s.url, look{before: `delete globalThis.SharedWorker`}).join("Bob")
	s.say("Alice", "without a shared worker")
	alone.awaitText("without a shared worker")
}

func TestUI38_NothingIsFetchedFromOthersAndNoPolicyIsBroken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url).join("Zoé")
	s.say("Alice", "https://example.org/x.png <img src=https://example.org/y.png> data:image/png;base64,xx")
	w.await("it", `rows().length === 1`)
	w.send("mine")
	w.await("mine", `row("mine")?.dataset.id`)
	for _, id := range []string{"participants", "menu-button"} {
		w.click(id)
		w.press("Escape")
	}
	// That the watch sees what it watches for: a violation, an error.
	probe := open(t, s.url).live()
	probe.run(`const i = new Image(); i.src = "https://example.org/x.png"; document.body.append(i); console.error("seen")`)
	probe.frames(10)
	eventually(t, func() error {
		probe.mu.Lock()
		defer probe.mu.Unlock()
		all := strings.Join(probe.console, "\n")
		if !strings.Contains(all, "seen") || !strings.Contains(all, "policy: img-src") {
			return fmt.Errorf("the console has only %q", all)
		}
		probe.console, probe.foreign = nil, nil
		return nil
	})
	probe.mu.Lock()
	probe.console, probe.foreign = nil, nil
	probe.mu.Unlock()
}

func TestUI39_NotificationsAreAskedForAndComeOnlyWhileHidden(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url, look{before: `globalThis.notes = []; globalThis.asked = 0;
		globalThis.Notification = class { static permission = "default"; static async requestPermission() { asked++; return Notification.permission = "granted" } constructor(title, { body }) { notes.push(title + ": " + body) } };`}).live()
	s.say("Alice", "a")
	w.awaitText("a")
	w.want("nobody was asked, nothing shown", `asked === 0 && notes.length === 0 && !document.querySelector("#notify").checked`)
	w.click("menu-button")
	w.run(`document.querySelector("#notify").click()`)
	w.await("asked, and on", `asked === 1 && document.querySelector("#notify").checked`)
	w.press("Escape")
	s.say("Alice", "b")
	w.awaitText("b")
	w.want("not while one looks", `notes.length === 0`)
	w.run(`hide(true)`)
	s.say("Alice", "c")
	w.await("while hidden", `notes.join() === "Alice: c"`)

	denied := open(t, s.url, look{before: `globalThis.Notification = class { static permission = "denied" };`}).live()
	denied.want("says why", `document.querySelector("#notify").disabled && document.querySelector("#notify-why").textContent.includes("refuses")`)
	missing := open(t, s.url, look{before: `delete globalThis.Notification`}).live()
	missing.want("says why", `document.querySelector("#notify").disabled && document.querySelector("#notify-why").textContent.includes("has none")`)
	insecure := open(t, "http://"+insecureHost+":"+s.port()).join("Zoé")
	insecure.want("says why", `!isSecureContext && document.querySelector("#notify").disabled && document.querySelector("#notify-why").textContent.includes("https")`)
	insecure.send("over plain http")
	insecure.await("and all else works", `row("over plain http")?.dataset.id`)
}
