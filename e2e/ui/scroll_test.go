//go:build linux

package ui

import (
	"fmt"
	"testing"
)

// up scrolls the log up from its bottom.
func (w *window) up(pixels int) {
	w.t.Helper()
	w.run(fmt.Sprintf(`document.querySelector("#log").scrollTop = -%d`, pixels))
	w.frames(2)
}

const atBottom = `Math.abs(document.querySelector("#log").scrollTop) <= 1`

func TestUI16_PinnedScrollStaysPinned(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fill(60)
	w := open(t, s.url).live()
	w.want("it opens at the bottom", atBottom+` && box(rows().at(-1)).bottom <= box("#foot").top`)
	for i, from := range []int{0, 39} {
		w.up(from)
		s.say("Carol", fmt.Sprintf("pinned\n\nrow %d", i))
		w.awaitText(fmt.Sprintf("pinned\n\nrow %d", i))
		w.want(fmt.Sprintf("%d px from the bottom: down", from), atBottom+` && box(rows().at(-1)).bottom <= box("#foot").top`)
	}
	w.up(41)
	w.run(`globalThis.first = rows().find((r) => box(r).bottom > box("#log").top); globalThis.top0 = box(first).top`)
	s.say("Carol", "unpinned\n\n\nrow")
	w.awaitText("unpinned\n\n\nrow")
	w.want("the first row in view has not moved", `Math.abs(box(first).top - top0) <= 1 && !(`+atBottom+`)`)
}

func TestUI17_WhatComesBelowIsCountedOnAPillThatGoesThere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fill(60)
	w := open(t, s.url, look{lang: "fr"}).live()
	w.want("none yet", `!shown("#pill")`)
	w.up(300)
	s.say("Carol", "a")
	w.await("one", `shown("#pill") && document.querySelector("#pill").textContent === "1 nouveau message" && getComputedStyle(document.querySelector("#pill"), "::after").content.includes("↓")`)
	s.say("Carol", "b")
	s.say("Carol", "c")
	w.await("three", `document.querySelector("#pill").textContent === "3 nouveaux messages"`)
	w.click("pill")
	w.await("down, and gone", atBottom+` && !shown("#pill")`)
	w.up(300)
	s.say("Carol", "d")
	w.await("counted anew", `document.querySelector("#pill").textContent === "1 nouveau message"`)
	w.run(`document.querySelector("#log").scrollTop = 0`)
	w.await("gone by scrolling", `!shown("#pill")`)
}

func TestUI18_OnesOwnMessageGoesToTheBottom(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fill(60)
	w := open(t, s.url).join("Zoé")
	w.up(500)
	w.send("mine")
	w.await("down", `row("mine") && `+atBottom+` && box(row("mine")).bottom <= box("#foot").top`)
}

func TestUI19_OlderPagesComeAboveWithoutAJump(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fill(170)
	w := open(t, s.url).live()
	w.want("a button", `document.querySelector("#older").localName === "button" && shown("#older") && rows().length === 50`)
	w.run(`globalThis.moves = 0;
		new MutationObserver(() => { if (globalThis.anchor && Math.abs(box(anchor).top - anchorTop) > 1) moves++ }).observe(document.querySelector("#rows"), { childList: true })`)
	for _, want := range []int{100, 150, 170} {
		// As far as one can scroll, and the button is in view.
		w.run(`document.querySelector("#log").scrollTop = -1e6; globalThis.anchor = rows()[0].querySelector(".text"); globalThis.anchorTop = box(anchor).top`)
		w.await(fmt.Sprintf("%d rows, by itself", want), fmt.Sprintf(`rows().length === %d`, want))
		w.want("the anchor has not moved", `Math.abs(box(anchor).top - anchorTop) <= 1 && moves === 0`)
	}
	w.await("the beginning", `!shown("#older") && rows()[0].innerText.includes("message 0")`)
	if n := s.requests("GET /messages"); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
	other := open(t, s.url, look{before: `delete globalThis.IntersectionObserver; globalThis.IntersectionObserver = class { observe() {} disconnect() {} }`}).live()
	other.click("older")
	other.await("a click does it too", `rows().length === 100`)
	for _, n := range []int{150, 170} {
		other.run(`document.querySelector("#older").focus()`)
		other.press("Enter")
		other.await("so does a key", fmt.Sprintf(`rows().length === %d`, n))
	}
	other.want("the focus is not lost with the button", `document.activeElement.id === "log"`)
}

func TestUI20_TheDOMIsTrimmedAtTheFarEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fill(400)
	w := open(t, s.url).live()
	for n := 100; n <= 300; n += 50 {
		w.run(`document.querySelector("#log").scrollTop = -1e6`)
		w.await("another page", fmt.Sprintf(`rows().length >= %d || texts().at(-1) !== "message 399"`, min(n, 280)))
	}
	w.want("trimmed below", `document.querySelector("#rows").childElementCount <= 320`)
	w.run(`document.querySelector("#log").scrollTop = -1e6`)
	w.await("trimmed below", `texts().at(-1) !== "message 399"`)
	s.say("Carol", "the newest")
	w.await("counted, though not shown", `shown("#pill")`)
	w.click("pill")
	w.await("back at the newest", atBottom+` && texts().at(-1) === "the newest"`)
	w.want("few rows", `document.querySelector("#rows").childElementCount <= 320`)
	for i := range 120 {
		s.say("Carol", fmt.Sprint("more ", i))
	}
	w.awaitText("more 119")
	w.want("few rows", `document.querySelector("#rows").childElementCount <= 320 && `+atBottom)
}

func TestUI21_WhatCameWhileAwayStandsBelowALineAndInTheTitle(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fill(5)
	w := open(t, s.url).live()
	w.run(`globalThis.title0 = document.title; hide(true)`)
	s.say("Alice", "a")
	s.say("Bob", "b")
	s.say("Bob", "c")
	w.await("a title with a count", `document.title === "(3) " + title0 && row("c")`)
	w.want("a line above the first", `document.querySelectorAll(".rule.unread").length === 1 && row("a").previousElementSibling.matches(".unread") && shown(".rule.unread")`)
	w.want("another icon", `document.querySelector("link[rel=icon]").href.includes("unread")`)
	w.run(`hide(false)`)
	w.await("the title is as it was", `document.title === title0 && !document.querySelector("link[rel=icon]").href.includes("unread")`)
	w.await("the line goes, when it was seen", `!document.querySelector(".rule.unread")`)
	w.want("in one group again", `row("c").classList.contains("continued")`)
}
