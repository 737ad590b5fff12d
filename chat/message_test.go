package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

var said = Message{
	ID:     EventID{1795383673803, 57},
	At:     Instant{time.UnixMilli(1795383673999)},
	Author: Person{ID: "p_8f3k", Nickname: "ana"},
	Text:   "salut <à> tous & \"bonne\" nuit\nfin",
	Nonce:  "n-1",
}

func TestMessage_PayloadHasNoIDAndEscapesNoHTML(t *testing.T) {
	got := said.Payload()
	want := `{"at":"2026-11-22T21:41:13.999Z","author":{"id":"p_8f3k","nickname":"ana"},` +
		`"text":"salut <à> tous & \"bonne\" nuit\nfin","nonce":"n-1"}`
	if string(got) != want {
		t.Errorf("payload\n got %s\nwant %s", got, want)
	}
}

// byReflection is the payload as encoding/json writes it.
func byReflection(t *testing.T, m Message) []byte {
	t.Helper()
	m.ID = EventID{}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Texts have no control characters but two, and no broken UTF-8: what should get
// past that is still one line of JSON.
func TestMessage_PayloadIsJSONWithEveryCharacter(t *testing.T) {
	var all strings.Builder
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if utf8.ValidRune(r) {
			all.WriteRune(r)
		}
	}
	for _, s := range []string{all.String(), "\xff", "a\xe2\x80", "\xe2\x80\xa8\xe2", "\u2028"} {
		m := Message{Author: Person{ID: "p_1"}, Text: Text(s), Nonce: Nonce(s)}
		data := m.Payload()
		got, err := ParseMessage(Event{Kind: KindMessage, Data: data})
		if want := string([]rune(s)); err != nil || string(got.Text) != want || string(got.Nonce) != want {
			t.Errorf("%.20q came back as %.20q, %v", s, got.Text, err)
		}
		if bytes.ContainsAny(data, "\r\n\u2028\u2029") || !utf8.Valid(data) {
			t.Errorf("payload of %.20q is not one line of UTF-8", s)
		}
	}
}

func TestMessage_PayloadLeavesOutWhatTheSenderLeftOut(t *testing.T) {
	m := said
	m.Nonce = ""
	if got := m.Payload(); bytes.Contains(got, []byte("nonce")) {
		t.Errorf("payload %s", got)
	}
}

// The log keeps one line a message, and a stream's frame is cut at line ends.
func TestMessage_PayloadIsOneLineWhateverIsSaid(t *testing.T) {
	for _, s := range []string{"a\nb", "a\r\nb", "\u2028\u2029x", "data: x\n\nid: 9", "a\tb"} {
		text, err := ParseText(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := (Message{Text: text}).Payload(); bytes.ContainsAny(got, "\r\n\u2028\u2029") {
			t.Errorf("payload of %q is %q", s, got)
		}
	}
}

func TestParseMessage_ReadsBackWhatPayloadWrote(t *testing.T) {
	got, err := ParseMessage(Event{ID: said.ID, Kind: KindMessage, Data: said.Payload()})
	if err != nil {
		t.Fatal(err)
	}
	if !got.At.Equal(said.At.Time) {
		t.Errorf("at %v, want %v", got.At, said.At)
	}
	got.At = said.At // the same instant, maybe of another zone
	if got != said {
		t.Errorf("got %+v, want %+v", got, said)
	}
}

func TestParseMessage_SaysWhichEntryOfTheLogIsBroken(t *testing.T) {
	_, err := ParseMessage(Event{ID: said.ID, Kind: KindMessage, Data: []byte(`{"at":`)})
	if _, ok := errors.AsType[*json.SyntaxError](err); !ok || !bytes.Contains([]byte(err.Error()), []byte(said.ID.String())) {
		t.Errorf("error %v", err)
	}
}

func TestInstant_IsUTCInMilliseconds(t *testing.T) {
	paris := time.FixedZone("CET", 3600)
	b, err := json.Marshal(Instant{time.Date(2026, 11, 22, 22, 34, 30, 123_999_999, paris)})
	if err != nil || string(b) != `"2026-11-22T21:34:30.123Z"` {
		t.Errorf("%s, %v", b, err)
	}
	var back Instant
	if err := json.Unmarshal(b, &back); err != nil || back.UnixMilli() != 1795383270123 {
		t.Errorf("%v, %v", back, err)
	}
}

func FuzzMessage_RoundTrip(f *testing.F) {
	f.Add("salut", "ana", int64(1795383673803), int64(57))
	f.Add("<b>&\u2028\"\\", "❤", int64(1), int64(0))
	f.Add("a\r\nb", "Noe\u0308l", int64(0), int64(0))
	f.Fuzz(func(t *testing.T, s, name string, epoch, seq int64) {
		text, errText := ParseText(s)
		nickname, errName := ParseNickname(name)
		if errText != nil || errName != nil || epoch < 0 || seq < 0 || epoch == 0 && seq != 0 {
			t.Skip()
		}
		m := Message{Author: Person{ID: "p_1", Nickname: nickname}, Text: text}
		data := m.Payload()
		if want := byReflection(t, m); !bytes.Equal(data, want) && !strings.ContainsRune(s+name, utf8.RuneError) {
			t.Fatalf("payload\n got %s\nwant %s", data, want)
		}
		e := Event{ID: EventID{epoch, seq}, Kind: KindMessage, Data: data}
		got, err := ParseMessage(e)
		if err != nil {
			t.Fatal(err)
		}
		if got.ID != e.ID || got.Text != text || got.Author != m.Author {
			t.Fatalf("%+v came back as %+v", m, got)
		}
		var read Message
		if err := json.Unmarshal(e.AppendJSON(nil), &read); err != nil || read.ID != e.ID || read.Text != text {
			t.Fatalf("a reader of %s gets %+v, %v", e.AppendJSON(nil), read, err)
		}
	})
}
