package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"
)

var said = Message{
	ID:     EventID{1795383673803, 57},
	At:     Instant{time.UnixMilli(1795383673999)},
	Author: Person{ID: "p_8f3k", Nickname: "ana"},
	Text:   "salut <à> tous & \"bonne\" nuit\nfin",
	Nonce:  "n-1",
}

func TestMessage_PayloadHasNoIDAndEscapesNoHTML(t *testing.T) {
	got, err := said.Payload()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"at":"2026-11-22T21:41:13.999Z","author":{"id":"p_8f3k","nickname":"ana"},` +
		`"text":"salut <à> tous & \"bonne\" nuit\nfin","nonce":"n-1"}`
	if string(got) != want {
		t.Errorf("payload\n got %s\nwant %s", got, want)
	}
}

func TestMessage_PayloadLeavesOutWhatTheSenderLeftOut(t *testing.T) {
	m := said
	m.Nonce = ""
	got, err := m.Payload()
	if err != nil || bytes.Contains(got, []byte("nonce")) {
		t.Errorf("payload %s, %v", got, err)
	}
}

// The log keeps one line a message, and a stream's frame is cut at line ends.
func TestMessage_PayloadIsOneLineWhateverIsSaid(t *testing.T) {
	for _, s := range []string{"a\nb", "a\r\nb", "\u2028\u2029x", "data: x\n\nid: 9", "a\tb"} {
		text, err := ParseText(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Message{Text: text}.Payload()
		if err != nil || bytes.ContainsAny(got, "\r\n\u2028\u2029") {
			t.Errorf("payload of %q is %q, %v", s, got, err)
		}
	}
}

func TestParseMessage_ReadsBackWhatPayloadWrote(t *testing.T) {
	data, err := said.Payload()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseMessage(Event{ID: said.ID, Kind: KindMessage, Data: data})
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
		data, err := m.Payload()
		if err != nil {
			t.Fatal(err)
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
