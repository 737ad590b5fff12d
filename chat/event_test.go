package chat

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"
)

func TestEvent_AppendJSONPutsTheIDInFront(t *testing.T) {
	for name, c := range map[string]struct {
		event Event
		want  string
	}{
		"a message": {
			Event{ID: EventID{7, 3}, Kind: KindMessage, Data: []byte(`{"text":"salut"}`)},
			`{"id":"7-3","text":"salut"}`,
		},
		"an empty object": {
			Event{ID: EventID{7, 3}, Kind: KindMessage, Data: []byte(`{}`)},
			`{"id":"7-3"}`,
		},
		"a live-only event, as it is": {
			Event{Kind: KindPresence, Data: []byte(`{"participants":2,"named":1}`)},
			`{"participants":2,"named":1}`,
		},
		"what is no object, as it is": {
			Event{ID: EventID{7, 3}, Kind: KindMessage, Data: []byte(`[]`)},
			`[]`,
		},
	} {
		got := c.event.AppendJSON([]byte("data: "))
		if string(got) != "data: "+c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if !json.Valid(got[len("data: "):]) {
			t.Errorf("%s: %s is no JSON", name, got)
		}
	}
}

func TestEvent_AppendJSONLeavesDataAlone(t *testing.T) {
	data := []byte(`{"text":"salut"}`)
	e := Event{ID: EventID{7, 3}, Kind: KindMessage, Data: data}
	e.AppendJSON(make([]byte, 0, 100))
	if string(e.Data) != `{"text":"salut"}` {
		t.Errorf("data became %s", e.Data)
	}
}

func TestEvent_OnlyAMessageIsDurable(t *testing.T) {
	for _, k := range []Kind{KindNotice, KindPresence, KindTyping, KindStatus, KindHello, KindPing, KindBye} {
		if (Event{Kind: k}).Durable() {
			t.Errorf("%s is durable", k)
		}
	}
	if !(Event{Kind: KindMessage}).Durable() {
		t.Error("a message is not durable")
	}
}

func FuzzEvent_AppendJSON(f *testing.F) {
	f.Add([]byte(`{"text":"salut"}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{ }`))
	f.Add([]byte(`[1]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			t.Skip()
		}
		got := Event{ID: EventID{7, 3}, Kind: KindMessage, Data: data}.AppendJSON(nil)
		if !json.Valid(got) {
			t.Fatalf("%s became %s", data, got)
		}
		var before, after map[string]any
		if json.Unmarshal(data, &before) != nil || data[0] != '{' || slices.Contains(slices.Collect(maps.Keys(before)), "id") {
			return // no object as the log has it
		}
		if err := json.Unmarshal(got, &after); err != nil || after["id"] != "7-3" {
			t.Fatalf("%s became %s", data, got)
		}
		delete(after, "id")
		if delete(before, "id"); !reflect.DeepEqual(before, after) {
			t.Fatalf("%s became %s", data, got)
		}
	})
}
