//go:build linux

package ui

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"net/http"
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
		// Of its own stream, so that the page's dice are the stream's: the waits are long.
		l := look{width: c.width, height: c.height, scheme: c.scheme, lang: c.lang, before: `delete globalThis.SharedWorker; Math.random = () => 0.99`}
		name := func(state string) string {
			return filepath.Join(dir, fmt.Sprintf("page-%s-%s-%s-%s.png", c.size, c.scheme, c.lang, state))
		}
		s := newSite(t)
		if err := s.store.Claim(t.Context(), "p_alice", "Alice"); err != nil {
			t.Fatal(err)
		}
		w := open(t, s.url, l).live()
		w.provoke()
		w.shoot(name("empty"))
		busy(s, c.lang)
		if c.size == "phone" {
			w.do("a taken name", chromedp.SendKeys(chromedp.ID("nickname"), "Alice"))
			w.press("Enter")
			w.await("taken", `shown("#nickname-suggestion") && row(texts().at(-1))`)
			w.shoot(name("taken"))
			w.run(`document.querySelector("#nickname").value = ""`)
		}
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
		if c.size != "tablet" {
			s.instead(refuseMessages)
			w.send(map[string]string{"fr": "Des fraises ?", "en": "Strawberries?"}[c.lang])
			w.await("failed", `document.querySelector(".failed .retry")`)
			w.shoot(name("failed"))
			s.honest()
			w.run(`document.querySelector(".failed .discard").click()`)
		}
		s.stop()
		w.send(map[string]string{"fr": "Vous m’entendez ?", "en": "Can you hear me?"}[c.lang])
		w.state("waiting")
		w.await("the countdown", `shown("#retry") && document.querySelector("#connection-countdown").innerText.includes("7")`)
		w.shoot(name("offline"))
		w.close()
	}
}

// refuseMessages is a server with a fault in it.
func refuseMessages(w http.ResponseWriter, r *http.Request) bool {
	if isPost(r) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = w.Write([]byte(`{"code":"text_control"}`))
	}
	return isPost(r)
}

// TestScreenshots_TwoWindows makes the pictures of the front page: two readers,
// each on an instance of their own.
func TestScreenshots_TwoWindows(t *testing.T) {
	dir := os.Getenv("CAUSETTE_SHOTS")
	if dir == "" {
		t.Skip("CAUSETTE_SHOTS names no folder")
	}
	for file, c := range map[string]struct {
		lang  string
		texts [5]string
	}{
		"two-windows.png":   {"en", [5]string{"Hi Bob, I am on 4100", "And I am on 4101. Same room!", "hello from a terminal", "Where does that one come from? 🦜", "curl localhost:4101/messages"}},
		"deux-fenetres.png": {"fr", [5]string{"Salut Bob, je suis sur le 4100", "Et moi sur le 4101 !", "bonjour d’un terminal", "D’où vient celui-là ? 🦜", "curl localhost:4101/messages"}},
	} {
		s := newSite(t)
		other := s.twin()
		ana := open(t, s.url, look{width: 480, height: 640, scheme: "light", lang: c.lang})
		bob := open(t, other.url, look{width: 480, height: 640, scheme: "dark", lang: c.lang})
		for _, w := range []*window{ana, bob} {
			w.do("be sharp", chromedp.EmulateViewport(480, 640, chromedp.EmulateScale(1.5)))
			w.live()
		}
		ana.join("Ana")
		bob.join("Bob")
		for i, text := range c.texts {
			switch i {
			case 2:
				s.say("zoé", text)
			case 0, 3:
				ana.send(text)
			default:
				bob.send(text)
			}
			ana.awaitText(text)
			bob.awaitText(text)
		}
		var pictures [2]image.Image
		for i, w := range []*window{ana, bob} {
			w.await("calm", `rows().every((r) => r.dataset.id) && document.querySelector("#typing").innerText === "" && document.querySelector("#participants-count").textContent === "2"`)
			w.frames(30)
			shot, err := chromedp.Run(w.ctx, chromedp.CaptureScreenshot())
			if err != nil {
				t.Fatal(err)
			}
			if pictures[i], err = png.Decode(bytes.NewReader(shot)); err != nil {
				t.Fatal(err)
			}
			w.close()
		}
		const gap = 24
		width, height := pictures[0].Bounds().Dx(), pictures[0].Bounds().Dy()
		both := image.NewRGBA(image.Rect(0, 0, 2*width+gap, height))
		draw.Draw(both, both.Bounds(), image.Transparent, image.Point{}, draw.Src)
		for i, picture := range pictures {
			draw.Draw(both, picture.Bounds().Add(image.Pt(i*(width+gap), 0)), picture, image.Point{}, draw.Src)
		}
		var b bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, both); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
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
	shot, err := chromedp.Run(w.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, shot, 0o644); err != nil {
		w.t.Fatal(err)
	}
}
