package load

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"bufio"
)

func TestTemplate_FillsEverySlotAndStaysARequest(t *testing.T) {
	body := `{"room":"` + RoomSlot + `","nonce":"` + NonceSlot + `","text":"` + MarkerSlot + `"}`
	tmpl := newTemplate(Post("/messages?room="+RoomSlot, "application/json", body, "Authorization: Bearer x"))
	filled := tmpl.fill(42, 7, 1795383673803123456, 99)
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(filled)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"room":"r000042","nonce":"n000000000000099","text":"~m000000007.1795383673803123456_"}`
	if string(got) != want || r.URL.Query().Get("room") != Room(42) || r.Header.Get("Authorization") != "Bearer x" {
		t.Fatalf("%s %s\n%s", r.Method, r.URL, got)
	}
}

func TestGet_IsARequest(t *testing.T) {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(Get("/events", "Accept: text/event-stream")))))
	if err != nil || r.URL.Path != "/events" || r.Header.Get("Accept") != "text/event-stream" {
		t.Fatalf("%v %v", r, err)
	}
}
