//go:build linux

package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"causette/chat"
)

// noon is when the tests of days and groups take place, so that no midnight
// comes between two messages.
var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.Local)

// atNoon has a page's clock, and what others say to it, go from noon.
func (s *site) atNoon(l look) look {
	s.now = func() time.Time { return noon }
	l.before += fmt.Sprintf(`globalThis.Date = class extends Date {
		static #ahead = %d - super.now();
		static now() { return super.now() + Date.#ahead }
		constructor(...parts) { if (parts.length) super(...parts); else super(Date.now()) }
	};`, noon.UnixMilli())
	return l
}

func TestUI09_MessagesAreGroupedByAuthorUntilSomethingComesBetween(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	l := s.atNoon(look{})
	at := noon.Add(-40 * time.Minute)
	for i, m := range []struct {
		after  time.Duration
		author string
	}{{0, "Alice"}, {time.Minute, "Alice"}, {5*time.Minute + 59*time.Second, "Alice"}, {11 * time.Minute, "Alice"}, {12 * time.Minute, "Bob"}, {13 * time.Minute, "Alice"}} {
		s.sayAt(chat.Lobby, at.Add(m.after), m.author, fmt.Sprint(i))
	}
	s.sayAt("days", noon.Add(-24*time.Hour), "Alice", "yesterday")
	s.sayAt("days", noon.Add(-24*time.Hour).Add(time.Second), "Alice", "yesterday too")
	s.sayAt("days", noon, "Alice", "today")
	w := open(t, s.url, l).live()
	w.want("continued rows", `rows().map((r) => Number(r.classList.contains("continued"))).join("") === "011000"`)
	s.say("Alice", "a")
	s.say("Alice", "b")
	w.await("one goes on", `row("b")?.classList.contains("continued")`)
	s.notice(chat.NoticeJoin, "Carol")
	w.await("a notice", `document.querySelector("#rows .notice")`)
	s.say("Alice", "c")
	w.await("a group begins after a notice", `row("c") && !row("c").classList.contains("continued")`)
	w.run(`hide(true)`)
	s.say("Alice", "d")
	w.await("a group begins under the unread line", `row("d") && row("d").previousElementSibling.matches(".unread") && !row("d").classList.contains("continued")`)
	days := open(t, s.url+"/rooms/days", l).live()
	days.want("a group ends with the day", `rows().map((r) => Number(r.classList.contains("continued"))).join("") === "010" && row("today").previousElementSibling.matches(".day")`)
}

func TestUI10_TimesAndDaysAreWrittenAsPeopleDo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	now := noon
	s.sayAt(chat.Lobby, now.Add(-10*24*time.Hour), "Alice", "long ago")
	s.sayAt(chat.Lobby, now.Add(-24*time.Hour), "Alice", "yesterday")
	s.sayAt(chat.Lobby, now, "Alice", "today")
	for lang, days := range map[string][2]string{"fr": {"Hier", "Aujourd’hui"}, "en": {"Yesterday", "Today"}} {
		w := open(t, s.url, s.atNoon(look{lang: lang})).live()
		w.want(lang+": the days", fmt.Sprintf(`(([a, b, c]) => b === %q && c === %q && a === new Intl.DateTimeFormat(%q, { weekday: "long", day: "numeric", month: "long", year: "numeric" }).format(new Date(%d)))([...document.querySelectorAll(".rule.day")].map((e) => e.innerText.trim()[0].toUpperCase() + e.innerText.trim().slice(1)).map((x, i) => i ? x : document.querySelector(".rule.day").textContent.trim()))`,
			days[0], days[1], lang, now.Add(-10*24*time.Hour).UnixMilli()))
		w.want(lang+": the clock and the whole date", fmt.Sprintf(`rows().every((r) => { const t = r.querySelector("time"), at = new Date(t.dateTime);
			return !isNaN(at) && t.textContent === new Intl.DateTimeFormat(%[1]q, { hour: "2-digit", minute: "2-digit" }).format(at) && t.title === new Intl.DateTimeFormat(%[1]q, { dateStyle: "full", timeStyle: "short" }).format(at) })`, lang))
	}
}

func TestUI11_ARunOfNoticesIsOneLineThatOpens(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url, look{lang: "fr"}).live()
	s.say("Alice", "salut")
	w.awaitText("salut")
	s.notice(chat.NoticeJoin, "Alice")
	w.await("a single one is not folded", `document.querySelector("#rows .notice")?.innerText.trim() === "Alice a rejoint la causette" && !document.querySelector("#rows details")`)
	for _, name := range []string{"Bob", "Carol", "Dan", "Eve"} {
		s.notice(chat.NoticeJoin, name)
	}
	w.await("one line", `document.querySelectorAll("#rows .notice").length === 1 && document.querySelector("#rows summary")?.innerText.trim() === "Alice, Bob et 3 autres ont rejoint la causette"`)
	w.want("closed", `!document.querySelector("#rows details").open`)
	w.run(`document.querySelector("#rows summary").focus()`)
	w.press("Enter")
	w.await("opens to five", `document.querySelector("#rows details").open && document.querySelectorAll("#rows details li").length === 5 && shown("#rows details li")`)
	s.notice(chat.NoticeLeave, "Eve")
	w.await("stays open as the next comes", `document.querySelectorAll("#rows details li").length === 6 && document.querySelector("#rows details").open`)
	w.want("what undoes another is told too", `document.querySelector("#rows summary").innerText.length > 10`)
}

func TestUI12_NoNameOrTextTouchesItsNeighbours(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	l := s.atNoon(look{width: 360, height: 640})
	s.say("Alice", "above")
	s.say("Bob", "the middle")
	s.say("Alice", "below")
	w := open(t, s.url, l).live()
	w.want("isolated", `rows().every((r) => r.querySelector(".name").localName === "bdi" && r.querySelector(".text").dir === "auto" && getComputedStyle(r.querySelector(".text")).overflowWrap === "anywhere")`)
	gaps := func() string {
		return js[string](w, `(() => { const r = rows().slice(-3); return [r[0].querySelector(".text"), r[0].querySelector(".name"), r[2].querySelector(".text"), r[2].querySelector(".name")].map((e) => [box(e).left, box(e).width, box(e).height].map(Math.round)).join(";") })()`)
	}
	want := gaps()
	var zalgo strings.Builder
	zalgo.WriteString("z")
	for range 300 {
		zalgo.WriteString("\u0301\u0332")
	}
	for _, text := range []string{"\u202eright to left\u202e \u2067 all the way", zalgo.String(), "w" + fmt.Sprintf("%01500d", 7), "\u2066\u2067\u2068 unclosed"} {
		s.say("Alice", "above")
		s.say("Bob", text)
		s.say("Alice", "below")
		w.await("they came", `texts().at(-1) === "below" && texts().at(-2) !== "the middle"`)
		w.await("all three", `rows().length % 3 === 0`)
		if got := gaps(); got != want {
			t.Errorf("beside %.20q the neighbours are %s, not %s", text, got, want)
		}
		w.want("no horizontal scroll", `document.querySelector("#log").scrollWidth <= document.querySelector("#log").clientWidth`)
		w.want("its paint is its own", `(() => { const t = rows().at(-2).querySelector(".text"); return getComputedStyle(t).contain.includes("paint") && box(t).bottom <= box(rows().at(-1)).top + 1 })()`)
		w.want("what follows reads as it was", `rows().at(-1).querySelector(".name").innerText === "Alice"`)
	}
}

func TestUI13_OnlyWebAddressesAreLinks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.say("Alice", "(see https://example.org/a_(b)?q=1#f), http://example.org. javascript:alert(1) data:text/html,x ftp://example.org www.example.org mailto:a@b.c")
	w := open(t, s.url).live()
	check := func(what string) {
		w.want(what, `JSON.stringify([...rows().at(-1).querySelectorAll("a")].map((a) => a.textContent)) === '["https://example.org/a_(b)?q=1#f","http://example.org"]'`)
		w.want(what+": rel", `[...rows().at(-1).querySelectorAll("a")].every((a) => a.rel === "noopener noreferrer nofollow ugc" && a.protocol.startsWith("http"))`)
	}
	check("from the server")
	s.say("Bob", "(see https://example.org/a_(b)?q=1#f), http://example.org. javascript:alert(1)")
	w.await("the second", `rows().length === 2`)
	check("from the stream")
}

func TestUI14_FewEmojiAreLargeAndCodeIsMonospaceAndNothingElseIsMarkup(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url).live()
	size := func(text string) string {
		return fmt.Sprintf(`parseFloat(getComputedStyle(row(%s).querySelector(".text")).fontSize)`, quote(text))
	}
	for _, text := range []string{"🦜", "🦜👨‍👩‍👧‍👦🇫🇷", "🦜🦜🦜🦜", "🦜 hi", "plain"} {
		s.say("Alice", text)
		w.awaitText(text)
	}
	w.want("one and three are large", size("🦜")+" > 30 && "+size("🦜👨‍👩‍👧‍👦🇫🇷")+" > 30")
	w.want("four, or with words, are not", size("🦜🦜🦜🦜")+" < 20 && "+size("🦜 hi")+" < 20")
	s.say("Alice", "`inline` **not bold** _not_ # not <i>not</i> [not](https://example.org)")
	s.say("Alice", "```\nfenced\n  kept\n```")
	w.await("the code", `document.querySelector("#rows pre")`)
	w.want("monospace", `[...document.querySelectorAll("#rows code")].every((c) => getComputedStyle(c).fontFamily.includes("mono")) && document.querySelector("#rows pre").textContent === "fenced\n  kept"`)
	w.want("no other markup", `!document.querySelector("#rows .text :is(b, strong, i, em, h1, img)") && rows().at(-2).textContent.includes("**not bold** _not_")`)
}

func TestUI15_BeingNamedIsMarkedByABorderAndInWords(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url).join("Zoé")
	s.say("Alice", "hi @zoé!")
	s.say("Alice", "hi @Zoéline and Zoé")
	w.await("both", `rows().length === 2`)
	w.want("border and label", `(([a]) => parseFloat(getComputedStyle(a.querySelector(".text")).borderInlineStartWidth) >= 3 && a.querySelector(".mention-label").innerText.trim() !== "")(rows())`)
	w.want("not the other", `((b) => !b.matches(".mention") && !b.querySelector(".mention-label").checkVisibility())(rows()[1])`)
}
