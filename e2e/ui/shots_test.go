//go:build linux

package ui

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"causette/chat"
)

// TestScreenshots makes the pictures in docs: CAUSETTE_SHOTS=docs go test -run Screenshots ./e2e/ui
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("CAUSETTE_SHOTS")
	if dir == "" {
		t.Skip("CAUSETTE_SHOTS names no folder")
	}
	for _, c := range []struct {
		size, scheme, lang string
		width, height      int64
	}{{"desk", "light", "en", 1200, 760}, {"tablet", "light", "fr", 820, 1000}, {"phone", "dark", "fr", 390, 780}} {
		l := look{width: c.width, height: c.height, scheme: c.scheme, lang: c.lang}
		name := func(state string) string {
			return filepath.Join(dir, fmt.Sprintf("page-%s-%s-%s-%s.png", c.size, c.scheme, c.lang, state))
		}
		s := newSite(t)
		w := open(t, s.url, l).live()
		w.provoke()
		w.shoot(name("empty"))
		busy(s, c.lang)
		w.join("Zoé")
		w.send(map[string]string{"fr": "J’arrive ! 🥐", "en": "On my way! 🥐"}[c.lang])
		w.await("sent", `rows().at(-1).dataset.id`)
		s.typist("Alice")
		s.sayAt("jardin", time.Now(), "Bob", "…")
		w.await("typing, and other rooms", `document.querySelector("#typing").innerText && document.querySelector("#rooms-list [data-room=jardin]")`)
		w.shoot(name("busy"))
		if c.size != "desk" {
			w.click("rooms-button")
			w.await("open", `document.querySelector(":popover-open")`)
			w.shoot(name("rooms"))
			w.press("Escape")
		}
		s.stop()
		w.send(map[string]string{"fr": "Vous m’entendez ?", "en": "Can you hear me?"}[c.lang])
		w.state("waiting")
		w.await("the countdown", `frames(10)`)
		w.shoot(name("offline"))
		w.close()
	}
}

func busy(s *site, lang string) {
	texts := [][2]string{{"Alice", "Salut tout le monde"}, {"Alice", "On se voit au marché demain ?"}, {"Bob", "Avec plaisir. Vers dix heures ?"}, {"Chloé", "Le plan : https://example.org/marche"}, {"Bob", "🧺🥖"}, {"Alice", "Et pour écouter d’ici : `curl -N localhost:4100/events`"}, {"Chloé", "@Zoé tu viens aussi ?"}}
	if lang == "en" {
		texts = [][2]string{{"Alice", "Hello everybody"}, {"Alice", "See you at the market tomorrow?"}, {"Bob", "With pleasure. Around ten?"}, {"Chloé", "The map: https://example.org/market"}, {"Bob", "🧺🥖"}, {"Alice", "And to listen from a terminal: `curl -N localhost:4100/events`"}, {"Chloé", "@Zoé are you coming too?"}}
	}
	for i, m := range texts {
		s.sayAt(chat.Lobby, time.Now().Add(time.Duration(i-12)*time.Minute), m[0], m[1])
	}
	s.sayAt("jardin", time.Now(), "Bob", "…")
	s.sayAt("cuisine", time.Now(), "Bob", "…")
}

func (w *window) shoot(path string) {
	w.t.Helper()
	png, err := chromedp.Run(w.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, png, 0o644); err != nil {
		w.t.Fatal(err)
	}
}
