//go:build linux

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

func TestNewcomer_GoRunIsAllItTakes(t *testing.T) {
	if !aloneOnLoopback(t) {
		return
	}
	one := goRun(t)
	one.awaitReady(2 * time.Minute) // the time that the build takes
	two := goRun(t, "PORT=4101")
	two.base = secondURL
	two.awaitReady(2 * time.Minute)
	page := mustCall(t, http.StatusOK, http.MethodGet, firstURL+"/", "")
	if !strings.Contains(string(page.body), "curl -N "+firstURL+"/events") {
		t.Error("the page of an empty room does not show how to listen with curl")
	}
	reader := startCurl(t, "-N", "localhost:4100/events")
	reader.awaitNamed(5*time.Second, "hello")
	poster := startCurl(t, "-XPOST", "localhost:4101/messages", "-d", `{"nickname":"ana","text":"salut"}`)
	if code := poster.exitCode(5 * time.Second); code != 0 {
		t.Errorf("curl exited with %d", code)
	}
	reader.awaitText(5*time.Second, "salut")
}

// goRun does as README.md says, in the folder where it stands.
func goRun(t *testing.T, settings ...setting) *instance {
	t.Helper()
	cmd := exec.Command("go", "run", ".")
	cmd.Dir = ".."
	cmd.Env = append(append(os.Environ(), "XDG_RUNTIME_DIR="+runtimeDir(t)), settings...)
	return &instance{process: start(t, strings.Join(append(settings, "go run ."), " "), cmd), port: 4100, base: firstURL}
}

func TestNewcomer_TwoWindowsOnTwoPortsAreInStep(t *testing.T) {
	redis := startRedis(t)
	one := startInstance(t, redis.url(), "LEAVE_DELAY=500ms")
	two := startInstance(t, redis.url(), "LEAVE_DELAY=500ms")
	browser := startChromium(t)

	ana := browser.open("ana's window", one.base)
	ana.awaitLive()
	ana.awaitParticipants(1)
	bob := browser.open("bob's window", two.base)
	bob.awaitLive()
	for _, w := range []*window{ana, bob} {
		w.awaitParticipants(2)
	}

	ana.enter("Ana")
	bob.enter("Bob")
	ana.awaitNotice("Bob")

	ana.say("salut Bob <b>&amp;</b> 🦜")
	bob.awaitMessage("Ana", "salut Bob <b>&amp;</b> 🦜")
	bob.say("salut Ana")
	ana.awaitMessage("Bob", "salut Ana")
	for _, w := range []*window{ana, bob} {
		w.awaitRows(2) // a message of one's own stands once, whichever came first
	}

	ana.rename("Anaïs")
	bob.awaitNotice("Anaïs")
	ana.say("me again")
	bob.awaitMessage("Anaïs", "me again")

	bob.close()
	ana.awaitParticipants(1)
	ana.awaitNotice("Bob")
	ana.close()
}

func (w *window) awaitLive() {
	w.t.Helper()
	w.await("the connection", `document.querySelector("#connection")?.dataset.state === "live"`)
}

func (w *window) awaitParticipants(n int) {
	w.t.Helper()
	w.await(fmt.Sprintf("%d participants", n),
		fmt.Sprintf(`document.querySelector("#participants-count")?.textContent.trim() === "%d"`, n))
}

// enter gives a nickname in the form that a newcomer finds.
func (w *window) enter(nickname string) {
	w.t.Helper()
	w.do("enter as "+nickname, chromedp.SendKeys(chromedp.ID("nickname"), nickname+"\r"))
	w.await("the composer", `!document.querySelector("#composer").hidden`)
	w.await("the focus in the composer", `document.activeElement?.id === "text"`)
}

func (w *window) rename(nickname string) {
	w.t.Helper()
	w.do("rename to "+nickname,
		chromedp.Click(chromedp.ID("me")),
		chromedp.WaitVisible(chromedp.ID("nickname")),
		chromedp.Evaluate[chromedp.Void](`document.querySelector("#nickname").select()`),
		chromedp.SendKeys(chromedp.ID("nickname"), nickname+"\r"))
	w.await("the new name", fmt.Sprintf(`document.querySelector("#me-name").textContent === %q`, nickname))
}

func (w *window) say(text string) {
	w.t.Helper()
	w.do("say "+text, chromedp.SendKeys(chromedp.ID("text"), text+"\r"))
}

func (w *window) awaitMessage(author, text string) {
	w.t.Helper()
	w.await("the message "+text, fmt.Sprintf(
		`[...document.querySelectorAll("#rows .message")].some(m =>
			m.querySelector(".text").textContent === %q && m.querySelector(".name").textContent === %q)`, text, author))
}

func (w *window) awaitRows(n int) {
	w.t.Helper()
	w.await(fmt.Sprintf("%d messages", n), fmt.Sprintf(`document.querySelectorAll("#rows .message").length === %d`, n))
}

// awaitNotice waits for a notice that speaks of somebody.
func (w *window) awaitNotice(nickname string) {
	w.t.Helper()
	w.await("a notice of "+nickname, fmt.Sprintf(
		`[...document.querySelectorAll("#rows .notice")].some(n => n.textContent.includes(%q))`, nickname))
}
