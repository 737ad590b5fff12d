package sse

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"causette/chat"
)

func TestAdmit_AFullInstanceSendsNewStreamsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{MaxStreams: 2, Log: quiet})
		a := w.connect(t, Subscription{})
		w.connect(t, Subscription{})
		c := w.connect(t, Subscription{})
		expect(t, "the third", c.news(), []string{`bye {"reason":"full"}`})
		if _, _, retry := readSSE(c.raw()); !c.ended() || retry < 5000 || retry > 15_000 {
			t.Errorf("retry is %d", retry)
		}
		a.hangUp()
		if w.connect(t, Subscription{}).ended() {
			t.Error("no room though one left")
		}
	})
}

func TestAdmit_AnAddressThatHasItsShareIsSentAwayAndOthersAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{MaxStreams: 10, MaxStreamsPerAddress: 2, Log: quiet})
		a := w.connect(t, Subscription{Address: "192.0.2.1"})
		w.connect(t, Subscription{Address: "192.0.2.1"})
		third := w.connect(t, Subscription{Address: "192.0.2.1"})
		expect(t, "the third", third.news(), []string{`bye {"reason":"full"}`})
		if _, _, retry := readSSE(third.raw()); !third.ended() || retry < 5000 || retry > 15_000 {
			t.Errorf("retry is %d", retry)
		}
		if w.connect(t, Subscription{Address: "192.0.2.2"}).ended() {
			t.Error("another address is refused too")
		}
		a.hangUp()
		if w.connect(t, Subscription{Address: "192.0.2.1"}).ended() {
			t.Error("no room though one of its streams left")
		}
	})
}

func TestAdmit_OneAddressLeavesAQuarterToTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{MaxStreams: 8, Log: quiet})
		for n := range 7 {
			if ended := w.connect(t, Subscription{Address: "192.0.2.1"}).ended(); ended != (n == 6) {
				t.Errorf("stream %d: refused %v", n, ended)
			}
		}
		if w.connect(t, Subscription{Address: "192.0.2.2"}).ended() {
			t.Error("another address found no room")
		}
	})
}

func TestAdmit_WhoHasNoAddressIsNotCountedByIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{MaxStreams: 8, MaxStreamsPerAddress: 1, Log: quiet})
		for range 3 {
			if w.connect(t, Subscription{}).ended() {
				t.Error("refused")
			}
		}
	})
}

func TestAdmit_AddressesThatLeftAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{MaxStreams: 100, Log: quiet})
		for n := range 50 {
			w.connect(t, Subscription{Address: fmt.Sprint(n)}).hangUp()
		}
		if len(w.origins) != 0 {
			t.Errorf("%d are remembered", len(w.origins))
		}
	})
}

func TestRefuse_IsOKAndAByeForABrowserToComeBack(t *testing.T) {
	h := NewHub(Options{Log: quiet}, newFakeLog(), new(fakePresence))
	defer h.Close()
	got := httptest.NewRecorder()
	h.Refuse(got, httptest.NewRequest("GET", "/events", nil))
	if got.Code != 200 || got.Header().Get("Content-Type") != "text/event-stream" ||
		!strings.HasPrefix(got.Body.String(), "retry: ") || !strings.HasSuffix(got.Body.String(), "event: bye\ndata: {\"reason\":\"full\"}\n\n") {
		t.Errorf("%d %v %q", got.Code, got.Header(), got.Body)
	}
}

func TestHub_RoomsWithoutReadersAreOfBoundedNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{Log: quiet})
		for n := range 3 * maxLingering {
			c := w.dial(t, Subscription{Room: chat.RoomID(fmt.Sprint("room", n))})
			synctest.Wait()
			c.hangUp()
		}
		if open := w.openRooms(); open != maxLingering {
			t.Errorf("%d rooms are open without readers, want %d", open, maxLingering)
		}
	})
}
