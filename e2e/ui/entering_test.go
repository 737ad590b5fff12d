//go:build linux

package ui

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestUI04_WithoutANameOneReadsAndFindsAFormThatKnowsTheLast(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.say("Alice", "salut")
	w := open(t, s.url).live()
	w.want("readable", `row("salut") && shown("#nickname-form") && !shown("#composer")`)
	w.want("labelled", `document.querySelector("#nickname").labels[0].textContent.trim() !== "" && document.querySelector("#nickname").autocomplete === "nickname"`)
	w.join("Zoé")
	w.want("the form has gone", `!shown("#nickname-form")`)
	// The session goes, the liking stays.
	w.do("lose the session", chromedp.Evaluate[chromedp.Void](`localStorage.clear()`), clearCookie(s.port()))
	w.reload()
	w.live()
	w.want("the last name filled in", `shown("#nickname-form") && document.querySelector("#nickname").value === "Zoé"`)
}

func TestUI05_ATakenOrWrongNameIsSaidBesideTheFieldWithOneThatIsFree(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if err := s.store.Claim(t.Context(), somebody, "Alice"); err != nil {
		t.Fatal(err)
	}
	w := open(t, s.url).live()
	w.provoke()
	described := `document.querySelector("#nickname").getAttribute("aria-describedby").split(" ").map((id) => document.getElementById(id).innerText).join(" ")`
	w.do("take a wrong one", chromedp.SendKeys(chromedp.ID("nickname"), "Аlice\r"))
	w.await("said why", `document.querySelector("#nickname").getAttribute("aria-invalid") === "true" && `+described+`.includes("doesn’t mix")`)
	w.want("nothing lost", `document.querySelector("#nickname").value === "\u0410lice" && document.activeElement.id === "nickname" && !shown("#nickname-suggestion")`)
	w.run(`document.querySelector("#nickname").select()`)
	w.do("take a taken one", chromedp.SendKeys(chromedp.ID("nickname"), "Alice\r"))
	w.await("said so", described+`.includes("taken") && shown("#nickname-suggestion")`)
	w.want("nothing lost", `document.querySelector("#nickname").value === "Alice" && document.activeElement.id === "nickname"`)
	name := js[string](w, `document.querySelector("#nickname-suggestion").dataset.name`)
	if name == "" || name == "Alice" {
		t.Errorf("suggested %q", name)
	}
	w.click("nickname-suggestion")
	w.await("the suggestion is the name", `shown("#composer") && document.querySelector("#me-name").textContent === `+quote(name))
}

func TestUI06_AnEmptyRoomShowsHowToSpeakFromATerminal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url).live()
	w.want("the exact lines", fmt.Sprintf(`shown("#empty") && document.querySelector("#empty p").textContent.length > 10
		&& document.querySelector("#curl-listen").textContent === "curl -N %[1]s/events"
		&& document.querySelector("#curl-speak").textContent === "curl %[1]s/messages -d '{\"nickname\":\"ana\",\"text\":\"salut\"}'"`, s.url))
	w.want("in view", `box("#curl-speak").bottom <= box("#foot").top`)
	s.say("Alice", "first")
	w.await("gone with the first message", `row("first") && !shown("#empty")`)
	other := open(t, s.url+"/rooms/go").live()
	other.want("another room's lines", fmt.Sprintf(`document.querySelector("#curl-listen").textContent === "curl -N '%[1]s/events?room=go'"
		&& document.querySelector("#curl-speak").textContent.includes('"room":"go"')`, s.url))
}

func TestUI07_OnesOwnNameRenamesAndEscapeGivesTheFocusBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url).join("Zoé")
	w.click("me")
	w.await("the form with the name", `shown("#nickname-form") && document.activeElement.id === "nickname" && document.querySelector("#nickname").value === "Zoé"`)
	w.press("Escape")
	w.await("cancelled", `!shown("#nickname-form") && shown("#composer") && document.activeElement.id === "me"`)
	w.press("Enter")
	w.await("the form again, by keyboard", `document.activeElement.id === "nickname"`)
	w.do("rename", chromedp.SendKeys(chromedp.ID("nickname"), "Zoë\r"))
	w.await("renamed", `document.querySelector("#me-name").textContent === "Zoë" && shown("#composer") && document.activeElement.id === "text"`)
	w.await("told", `[...document.querySelectorAll("#rows .notice")].some((n) => n.textContent.includes("Zoë"))`)
}

func TestUI08_ServerAndClientMakeTheSameRow(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url).join("Zoé")
	for _, text := range []string{"plain", "see https://example.org/a?b=c&d=e.", "`code` and\n```\nfenced\n```", "🦜🦜", "hello @Zoé", "<b>not</b> &amp; \"this\"", "اللغة العربية"} {
		s.say("Alice", text)
		w.awaitText(js[string](w, quote(shownAs(text))))
	}
	w.send("mine")
	w.await("mine, settled", `row("mine")?.dataset.id`)
	s.fill(2)
	w.awaitText("message 1")
	same := `rows().map((r) => { const c = r.cloneNode(true); c.removeAttribute("data-nonce"); for (const t of c.querySelectorAll("time")) { t.removeAttribute("title"); t.textContent = "" } c.className = [...c.classList].filter((n) => n !== "continued").sort().join(" "); return c.outerHTML.replace(/>\s+</g, "><").replace(/>\s*\n\s*/g, ">") }).join("\n")`
	client := js[string](w, same)
	w.reload()
	w.live()
	if server := js[string](w, same); server != client {
		t.Errorf("the server's rows\n%s\nthe client's\n%s", server, client)
	}
	s.fill(60)
	if n := strings.Count(s.html("/"), `<li class="message`); n != 50+1 { // and the one to clone
		t.Errorf("%d messages in the HTML, want 50", n-1)
	}
}

// shownAs is a text's textContent in a row: fences are no part of it.
func shownAs(text string) string {
	if text == "`code` and\n```\nfenced\n```" {
		return "code and\nfenced"
	}
	return text
}

func (s *site) port() string { return s.addr[len("127.0.0.1:"):] }
