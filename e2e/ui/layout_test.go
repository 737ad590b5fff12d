//go:build linux

package ui

import (
	"fmt"
	"strings"
	"testing"
)

func TestUI01_TheSmallestScreenAtTwiceTheTextHasHeaderLogAndComposer(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fill(20)
	w := open(t, s.url, look{width: 320, height: 480, before: `document.addEventListener("DOMContentLoaded", () => document.documentElement.style.fontSize = "200%");`}).live()
	for _, state := range []string{"before joining", "after"} {
		w.want(state+": no horizontal scroll", `document.documentElement.scrollWidth <= 320 && document.querySelector("#log").scrollWidth <= document.querySelector("#log").clientWidth`)
		for _, part := range []string{".bar", "#log", "#foot .slip:not([hidden])"} {
			w.want(state+": "+part+" in view", fmt.Sprintf(`(({top, bottom, left, right, height}) => top >= 0 && bottom <= 480 && left >= 0 && right <= 320 && height >= 32)(box(%q))`, part))
		}
		if state == "before joining" {
			w.join("Zoé")
		}
	}
}

func TestUI02_AKeyboardOverThePageCoversNeitherComposerNorLastMessage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fill(40)
	if html := s.html("/"); !strings.Contains(html, `<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">`) || strings.Contains(html, "user-scalable") {
		t.Error("the viewport is not the one promised")
	}
	w := open(t, s.url, look{width: 400, height: 700, touch: true}).join("Zoé")
	inView := `box("#composer").bottom <= innerHeight - (parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--inset")) || 0) + 1 && box(rows().at(-1)).bottom <= box("#composer").top + 1 && box(rows().at(-1)).top >= box("#log").top`
	w.want("at full height", inView)
	w.do("show the keyboard as Chrome does", chromeKeyboard(400, 400))
	w.await("all in view above a keyboard that shrinks the page", "innerHeight === 400 && "+inView)
	w.do("hide it", chromeKeyboard(400, 700))
	w.await("the full height", "innerHeight === 700")
	w.run(`Object.defineProperty(visualViewport, "height", { value: 400 }); visualViewport.dispatchEvent(new Event("resize"))`)
	w.await("all in view above a keyboard that lies over the page", `box("body").height <= 400 && `+inView)
}

func TestUI03_TheComposerGrowsToSixLinesAndTheLogStaysPinned(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fill(40)
	w := open(t, s.url).join("Zoé")
	w.want("16 px or more", `parseFloat(getComputedStyle(document.querySelector("#text")).fontSize) >= 16`)
	height := js[float64](w, `box("#text").height`)
	for n := 2; n <= 9; n++ {
		w.press("Enter", shift)
		w.want("the last message in view", `Math.abs(document.querySelector("#log").scrollTop) < 1 && box(rows().at(-1)).bottom <= box("#foot").top`)
		now := js[float64](w, `box("#text").height`)
		if n <= 6 && now <= height || n > 6 && now != height {
			t.Errorf("line %d: the height went from %v to %v", n, height, now)
		}
		height = now
	}
	w.want("it scrolls now", `document.querySelector("#text").scrollHeight > document.querySelector("#text").clientHeight`)
}
