//go:build linux

package ui

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

func TestWithoutScript_OneReadsEntersSpeaksRenamesAndRefreshes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if err := s.store.Claim(t.Context(), somebody, "Alice"); err != nil {
		t.Fatal(err)
	}
	s.say("Alice", "before")
	w := open(t, s.url+"/", look{noScript: true})
	w.provoke() // a form that is refused
	w.awaitText("before")
	enter := func(name string) {
		w.do("enter as "+name, chromedp.SetValue(chromedp.ID("nickname"), name), chromedp.Click(chromedp.ID("nickname-submit")))
	}
	enter("Alice")
	w.await("the page with the problem", `shown("#nickname-error") && document.querySelector("#nickname").value === "Alice"`)
	w.want("a free one", `document.querySelector("[form=suggestion-form]").value === "Alice2"`)
	enter("Zoé")
	w.await("back with a composer", `shown("#composer") && location.pathname === "/"`)
	w.do("speak", chromedp.SendKeys(chromedp.ID("text"), "by form"), chromedp.Click(chromedp.ID("send")))
	w.await("back with the message", `row("by form") && location.pathname === "/" && document.querySelector("#text").value === ""`)
	rename := func(name string) {
		w.do("rename to "+name, chromedp.Click(chromedp.CSS(".rename summary")), chromedp.SetValue(chromedp.ID("new-nickname"), name), chromedp.Click(chromedp.CSS(".rename button")))
	}
	rename("Alice")
	w.await("why not, in the composer's place", `shown("#nickname-error") && !shown("#composer") && document.querySelector("#nickname-error").innerText === "This nickname is taken." && document.querySelector("#me-name").textContent === "Zoé"`)
	rename("Zoë")
	w.await("renamed", `shown("#composer") && !shown("#nickname-form") && document.querySelector("#me-name").textContent === "Zoë"`)
	s.say("Alice", "meanwhile")
	w.click("refresh")
	w.awaitText("meanwhile")
	w.want("nothing that only a script brings to life", `!shown("#me") && !shown("#connection") && !shown("#participants")`)
	w.want("no script ran", `document.querySelector("#connection").dataset.state === "connecting"`)
}

func TestRooms_AreListedWithTheirReadersAndWhatIsNew(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := open(t, s.url).join("Zoé")
	item := func(room string) string {
		return fmt.Sprintf(`document.querySelector("#rooms-list [data-room=%s]")`, room)
	}
	w.want("this one", item("lobby")+`?.querySelector("[aria-current=page]") && getComputedStyle(document.querySelector("#rooms")).display === "none"`)
	w.click("rooms-button")
	w.await("a drawer", `document.querySelector("#rooms").matches(":popover-open")`)
	w.do("a wrong name", chromedp.SendKeys(chromedp.ID("room-name"), "no good"))
	w.press("Enter")
	w.await("said", `shown("#room-error") && document.querySelector("#room-name").value === "no good" && document.activeElement.id === "room-name"`)
	w.run(`document.querySelector("#room-name").select()`)
	w.do("a good one", chromedp.SendKeys(chromedp.ID("room-name"), "Jardin"))
	w.press("Enter")
	w.await("there", `location.pathname === "/rooms/jardin" && document.querySelector("h1").textContent === "jardin"`)
	w.live()
	w.send("the first here")
	w.await("said", `row("the first here")?.dataset.id`)
	w.await("kept", `JSON.parse(localStorage.getItem("causette:read")).jardin === row("the first here").dataset.id`)
	w.do("back to the lobby", chromedp.Navigate(s.url))
	w.live()
	streams := s.requests("GET /events")
	for i := range 3 {
		s.sayAt("jardin", time.Now(), "Alice", fmt.Sprint("elsewhere ", i))
	}
	w.await("three are new there", item("jardin")+`.querySelector(".room-unread").dataset.n === "3" && document.querySelector("#rooms-button").matches(".news")`)
	reader := open(t, s.url+"/rooms/jardin").live()
	w.await("one reads there", item("jardin")+`.querySelector(".room-count").textContent === "1"`)
	reader.want("it does not know what it never read", `!document.querySelector("#rooms-button").matches(".news")`)
	if n := s.requests("GET /events"); n != streams+1 {
		t.Errorf("%d streams, want one more than %d", n, streams)
	}
	w.resize(1200, 800)
	w.want("beside the log on a desk", `shown("#rooms") && box("#rooms").right <= box("main").left + 1 && !shown("#rooms-button")`)
	w.do("go there", chromedp.Click(chromedp.CSS(`#rooms-list [data-room=jardin] a`)))
	w.await("all is read there", `location.pathname === "/rooms/jardin" && row("elsewhere 2") && document.querySelector("#rooms-list [data-room=jardin] .room-unread").hidden`)
}
