package templates

import (
	"bytes"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"causette/chat"
	"causette/locales"
)

var at = time.Date(2026, 11, 22, 21, 34, 30, 123e6, time.UTC)

func message(seq int64, who chat.Person, text chat.Text) chat.Message {
	return chat.Message{ID: chat.EventID{Epoch: 1795383673803, Seq: seq}, At: chat.Instant{Time: at}, Author: who, Text: text}
}

func render(t *testing.T, p Page) string {
	t.Helper()
	pages, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if p.Room == "" {
		p.Room = chat.Lobby
	}
	var b bytes.Buffer
	if err := pages.Page(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPage_HoldsTheMessagesAndWhereTheStreamGoesOn(t *testing.T) {
	ana := chat.Person{ID: "p_ana", Nickname: "ana"}
	html := render(t, Page{
		Lang: "fr", Room: "salon", You: ana, Older: true, Resume: "1795383673803-7",
		Messages: []chat.Message{message(6, ana, "salut"), message(7, chat.Person{ID: "p_bob", Nickname: "bob"}, "hé @Ana")},
		Presence: chat.Presence{Participants: 12},
	})
	for _, want := range []string{
		`<html lang="fr">`,
		`<title>salon · Causette</title>`,
		`data-room="salon" data-you="p_ana" data-nickname="ana" data-resume="1795383673803-7" data-older`,
		`<li class="message mine" data-id="1795383673803-6" data-author="p_ana" data-hue="`,
		`<li class="message mention" data-id="1795383673803-7" data-author="p_bob"`,
		`<time datetime="2026-11-22T21:34:30.123Z">21:34</time>`,
		`<span id="participants-count">12</span>`,
		`<button id="older" type="button" class="quiet">`,
		`<section id="empty" class="empty" hidden>`,
		`<form id="nickname-form" class="slip" method="post" action="/nicknames" novalidate hidden>`,
	} {
		if !strings.Contains(html, want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestPage_AsksTheNamelessForANickname(t *testing.T) {
	html := render(t, Page{You: chat.Person{ID: "p_x"}, LastNickname: "zoé"})
	for _, want := range []string{`action="/nicknames" novalidate>`, `name="nickname" type="text" value="zoé"`, `autocomplete="off" hidden>`} {
		if !strings.Contains(html, want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestPage_ShowsCurlLinesForThisHostInAnEmptyRoom(t *testing.T) {
	lobby := render(t, Page{BaseURL: "http://localhost:4101"})
	other := render(t, Page{BaseURL: "http://localhost:4101", Room: "salon"})
	for html, want := range map[string][]string{
		lobby: {`>curl -N http://localhost:4101/events<`, `>curl http://localhost:4101/messages -d &#39;{&#34;nickname&#34;:&#34;ana&#34;,&#34;text&#34;:&#34;salut&#34;}&#39;<`},
		other: {`>curl -N &#39;http://localhost:4101/events?room=salon&#39;<`, `-d &#39;{&#34;room&#34;:&#34;salon&#34;,`},
	} {
		for _, line := range append(want, `<section id="empty" class="empty">`) {
			if !strings.Contains(strings.ReplaceAll(strings.ReplaceAll(html, `"`, "&#34;"), "'", "&#39;"), strings.ReplaceAll(line, `"`, "&#34;")) {
				t.Errorf("no %s", line)
			}
		}
	}
}

func TestPage_SaysWhenTheRoomCannotBeRead(t *testing.T) {
	if html := render(t, Page{Lang: "en", RedisDown: true}); !strings.Contains(html, locales.Text("en", "room.down")) || !strings.Contains(html, `<section id="empty" class="empty" hidden>`) {
		t.Error("an unreadable room looks like an empty one")
	}
}

// Nothing that a person chose may become markup, anywhere in the page.
func TestPage_EscapesHostileNicknamesAndTexts(t *testing.T) {
	for _, evil := range []string{
		`</script><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onfocus='alert(1)`,
		"</template><svg/onload=alert(1)>", "{{.}}", "\u202eevil", "http://a.example/\"><b>", "```<b>```", "`<i>`",
	} {
		you := chat.Person{ID: "p_you", Nickname: chat.Nickname(evil)}
		html := render(t, Page{You: you, LastNickname: evil, BaseURL: evil, Resume: evil, Messages: []chat.Message{message(1, you, chat.Text(evil))}})
		calm := render(t, Page{You: chat.Person{ID: "p_you", Nickname: "ana"}, Messages: []chat.Message{message(1, you, "salut")}})
		if got, want := tags(html), tags(calm); evil[0] != 'h' && evil[0] != '`' && got != want {
			t.Errorf("%q made other markup:\n%s\n%s", evil, got, want)
		}
		for _, bad := range []string{"<script>alert", "<img", "<svg/", "<b>", "<i>", `onfocus='`} {
			if strings.Contains(html, bad) {
				t.Errorf("%q came through as %s", evil, bad)
			}
		}
	}
}

var tag = regexp.MustCompile(`<[a-z/][a-z0-9]*`)

// tags are the names of all tags of an HTML text, in order.
func tags(html string) string { return strings.Join(tag.FindAllString(html, -1), "") }

var (
	values = regexp.MustCompile(`(data-id|data-author|data-hue|datetime)="[^"]*"`)
	inside = regexp.MustCompile(`>[^<>]*<`)
)

// skeleton is markup without what fills it.
func skeleton(html string) string {
	html = values.ReplaceAllString(strings.TrimSpace(html), `$1=""`)
	html = strings.Replace(html, ` class="message mention"`, ` class="message"`, 1)
	return inside.ReplaceAllString(html, "><")
}

func TestRow_OfTheServerIsTheRowThatTheScriptClones(t *testing.T) {
	html := render(t, Page{You: chat.Person{ID: "p_y", Nickname: "you"}, Messages: []chat.Message{message(1, chat.Person{ID: "p_b", Nickname: "bob"}, "salut @you")}})
	_, rest, _ := strings.Cut(html, `<ol id="rows" class="rows">`)
	row, _, _ := strings.Cut(rest, `</ol>`)
	row = strings.TrimPrefix(row, `<li class="rule day"><time datetime="2026-11-22">2026-11-22</time></li>`)
	_, rest, _ = strings.Cut(html, `<template id="message-template">`)
	blank, _, found := strings.Cut(rest, `</template>`)
	if !found || skeleton(row) != skeleton(blank) {
		t.Errorf("the served row\n%s\nis not the cloned one\n%s", skeleton(row), skeleton(blank))
	}
}

func TestPage_HasNoInlineScriptOrStyle(t *testing.T) {
	html := render(t, Page{})
	for _, bad := range []string{" style=", "<style", " onclick=", "javascript:"} {
		if strings.Contains(html, bad) {
			t.Errorf("the content security policy forbids %s", bad)
		}
	}
	for _, s := range regexp.MustCompile(`<script[^>]*>`).FindAllString(html, -1) {
		if !strings.Contains(s, " src=") && !strings.Contains(s, `type="application/json"`) {
			t.Errorf("inline script: %s", s)
		}
	}
}

// Each id is a hook for the script and for tests: one element has it.
func TestPage_HasEachIDOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(render(t, Page{}), -1) {
		if seen[m[1]] {
			t.Errorf("id %s is there twice", m[1])
		}
		seen[m[1]] = true
	}
}

var inTemplates = regexp.MustCompile(`\.T "([a-z.]+)"`)

func TestPage_NamesOnlyTextsThatThereAre(t *testing.T) {
	for _, name := range []string{"page.html", "parts.html", "message.html"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range inTemplates.FindAllSubmatch(b, -1) {
			if key := string(m[1]); locales.Text("en", key, "n", 2) == key {
				t.Errorf("%s: no text %s", name, key)
			}
		}
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestPage_SaysThatItCouldNotBeWritten(t *testing.T) {
	pages, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if err := pages.Page(brokenWriter{}, Page{Room: chat.Lobby}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v", err)
	}
}
