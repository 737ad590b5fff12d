package store

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"causette/chat"
)

// entryBytes is what log_trim.lua counts for an entry beside its payload.
const entryBytes = 64

// logBytes is what the lobby's log counts for, and how many entries it has.
func logBytes(t testing.TB, s *Store) (bytes int64, length int) {
	t.Helper()
	entries, err := s.client.XRange(t.Context(), s.keys.log(lobby), "-", "+").Result()
	must(t, err)
	for _, e := range entries {
		bytes += entryBytes + int64(len(e.Values["e"].(string)))
	}
	return bytes, len(entries)
}

// countedBytes is what the lobby's head says of its log.
func countedBytes(t testing.TB, s *Store) (bytes, first, next int64) {
	t.Helper()
	head, err := s.client.HGetAll(t.Context(), s.keys.head(lobby)).Result()
	must(t, err)
	oldest, err := chat.ParseEventID(head["oldest"])
	must(t, err)
	if _, err := fmt.Sscan(head["bytes"]+" "+head["counted"], &bytes, &next); err != nil {
		t.Fatalf("the head counts %v: %v", head, err)
	}
	return bytes, oldest.Seq, next
}

// checkBytes holds a log to its bounds, and what is counted to what is there.
func checkBytes(t testing.TB, s *Store) {
	t.Helper()
	bytes, length := logBytes(t, s)
	if counted, first, next := countedBytes(t, s); counted != bytes || next-first != int64(length) {
		t.Fatalf("%d bytes of the entries %d to %d are counted, and %d of %d are there", counted, first, next, bytes, length)
	}
	if length > 1 && bytes > s.o.HistoryBytes || int64(length) > s.o.HistorySize+100 {
		t.Fatalf("the log has %d bytes in %d messages, more than %d in %d", bytes, length, s.o.HistoryBytes, s.o.HistorySize)
	}
}

// postOf is a post with a text of so many bytes.
func postOf(bytes int) Post { return post(strings.Repeat("x", bytes)) }

func TestAppend_ALogStaysWithinItsBytesAndCountsThemRight(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // sizes
		for _, bounds := range []struct{ size, bytes int64 }{{1000, 64 << 10}, {20, 1 << 20}, {50, 20 << 10}, {1000, 100}} {
			o := quick()
			o.HistorySize, o.HistoryBytes = bounds.size, bounds.bytes
			s := idle(t, addr, o)
			must(t, s.client.FlushAll(t.Context()).Err())
			for range 150 {
				var posts []Post
				for range 1 + random.IntN(8) {
					posts = append(posts, postOf(1+int(8000*random.Float64()*random.Float64()*random.Float64())))
				}
				s.landGroup(lobby, group(t, posts...))
				checkBytes(t, s)
			}
			page, err := s.Before(t.Context(), lobby, chat.EventID{}, MaxPage)
			must(t, err)
			contiguous(t, page.Events)
			if first := page.Events[0].ID; first.Seq > 0 && !page.More {
				if after, err := s.After(t.Context(), lobby, first.Back(1), 1); err != nil || after.Gap {
					t.Errorf("just before the first: %+v, error %v", after, err)
				}
				if after, err := s.After(t.Context(), lobby, chat.EventID{Epoch: first.Epoch, Seq: 0}, 1); err != nil || first.Seq > 1 && !after.Gap {
					t.Errorf("after what was let go of: %+v, error %v", after, err)
				}
			}
		}
	})
}

func TestAppend_TheNewestMessageIsKeptWhateverItsSize(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.HistoryBytes = 1000
		s := idle(t, addr, o)
		for _, bytes := range []int{10, 5000, 6000, 10} {
			if _, err := s.Append(t.Context(), postOf(bytes)); err != nil {
				t.Fatal(err)
			}
			checkBytes(t, s)
		}
	})
}

// olderAppend is what the version before wrote: it counts nothing, and trims by itself.
func olderAppend(t testing.TB, s *Store, epoch string, seq int64, payload string, size int64) {
	t.Helper()
	id := fmt.Sprintf("%s-%d", epoch, seq)
	must(t, s.client.Do(t.Context(), "XADD", s.keys.log(lobby), "MAXLEN", "~", size, id, "e", payload).Err())
	must(t, s.client.HSet(t.Context(), s.keys.head(lobby), "epoch", epoch, "next", seq+1).Err())
}

func TestAppend_ALogOfAnOlderVersionIsCountedByAndByAndComesWithinItsBytes(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.HistorySize, o.HistoryBytes = 2000, 200<<10
		s := idle(t, addr, o)
		epoch := fmt.Sprint(say(t, s, "to know the history").ID.Epoch)
		must(t, s.client.HDel(t.Context(), s.keys.head(lobby), "bytes").Err())
		for seq := range int64(1000) {
			olderAppend(t, s, epoch, seq+1, strings.Repeat("x", int(200+seq%300)), 2000)
		}
		for range 10 * 64 { // one in 64 counts two hundred
			say(t, s, "newer")
		}
		checkBytes(t, s)
		for range 20 { // both side by side
			_, _, next := countedBytes(t, s)
			olderAppend(t, s, epoch, next, strings.Repeat("y", 500), 2000)
			say(t, s, "newer")
		}
		for range 10 * 64 {
			say(t, s, "newer")
		}
		checkBytes(t, s)
		page, err := s.Before(t.Context(), lobby, chat.EventID{}, MaxPage)
		must(t, err)
		contiguous(t, page.Events)
	})
}

func TestAppend_ACountThatIsWrongIsPutRight(t *testing.T) {
	for what, harm := range map[string]func(*Store, testing.TB) error{
		"the log was evicted":  func(s *Store, t testing.TB) error { return s.client.Del(t.Context(), s.keys.log(lobby)).Err() },
		"the head was evicted": func(s *Store, t testing.TB) error { return s.client.Del(t.Context(), s.keys.head(lobby)).Err() },
		"somebody trimmed by hand": func(s *Store, t testing.TB) error {
			return s.client.XTrimMaxLen(t.Context(), s.keys.log(lobby), 3).Err()
		},
		"the log began an epoch": func(s *Store, t testing.TB) error {
			_, err := s.tear(t.Context(), lobby, chat.EventID{Epoch: newest(t, s).Epoch, Seq: 1000})
			return err
		},
		"it did before all was counted": func(s *Store, t testing.TB) error {
			must(t, s.client.HDel(t.Context(), s.keys.head(lobby), "bytes").Err())
			say(t, s, "begins to count")
			_, err := s.tear(t.Context(), lobby, chat.EventID{Epoch: newest(t, s).Epoch, Seq: 1000})
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			eachRedis(t, func(t *testing.T, addr string) {
				s := idle(t, addr, quick())
				sayNumbers(t, s, 0, 250)
				must(t, harm(s, t))
				sayNumbers(t, s, 1, 260)
				checkBytes(t, s)
			})
		})
	}
}

func newest(t testing.TB, s *Store) chat.EventID {
	t.Helper()
	page, err := s.Before(t.Context(), lobby, chat.EventID{}, 1)
	must(t, err)
	return page.Head
}
