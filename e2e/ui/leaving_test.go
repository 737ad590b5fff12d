//go:build linux

package ui

import (
	"testing"

	"github.com/chromedp/chromedp"
)

func TestLeaving_TheNameIsGivenUpAndTheFormAsksAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url).join("Zoé")
	w.want("no way to give up while one writes", `!shown("#nickname-leave")`)
	w.send("the last thing")
	w.await("sent", `row("the last thing")?.dataset.id`)
	other := w.tab(s.url).live()
	w.click("me")
	w.await("the form, with a way out", `shown("#nickname-leave") && document.activeElement.id === "nickname"`)
	streams := s.requests("GET /events")
	w.click("nickname-leave")
	w.await("asked again", `shown("#nickname-form") && !shown("#composer") && !shown("#me") && !shown("#nickname-leave") && document.activeElement.id === "nickname"`)
	w.want("said to who can't see it", `document.querySelector("#status").textContent === "You have no nickname any more."`)
	w.await("told to the room", `[...document.querySelectorAll("#rows .notice")].some((n) => n.textContent.includes("left"))`)
	w.live()
	if n := s.requests("GET /events"); n <= streams {
		t.Error("the stream goes on as the session that is no more")
	}
	other.provoke()
	other.send("from the other tab")
	other.await("the other tab asks too", `shown("#nickname-form") && !shown("#composer")`)

	w.run(`document.querySelector("#nickname").value = ""`)
	w.do("take the name again", chromedp.SendKeys(chromedp.ID("nickname"), "Zoé"))
	w.press("Enter")
	w.await("the composer", `shown("#composer") && document.activeElement.id === "text"`)
	w.live()
	w.await("in the list, once", `fetch("/participants").then((a) => a.json()).then(({participants, people}) => participants === 1 && people.length === 1 && people[0].nickname === "Zoé")`)
	w.send("back again")
	w.await("sent", `row("back again")?.dataset.id`)
}

func TestLeaving_WithoutScript(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url+"/rooms/go", look{noScript: true})
	w.do("enter", chromedp.SetValue(chromedp.ID("nickname"), "Zoé"), chromedp.Click(chromedp.ID("nickname-submit")))
	w.await("a composer", `shown("#composer") && !shown("#nickname-form")`)
	w.do("give the name up", chromedp.Click(chromedp.CSS(".rename summary")), chromedp.Click(chromedp.CSS(".rename [form=leave-form]")))
	w.await("asked again, in the same room", `location.pathname === "/rooms/go" && shown("#nickname-form") && !shown("#composer") && document.body.dataset.nickname === ""`)
}
