//go:build linux

package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// The load of the fan-out test: 10,000 messages in rounds, so that no reader is
// ever more than a round behind however slow the machine is.
const (
	fanoutWriters = 8
	fanoutRounds  = 10
	fanoutBurst   = 125 // messages a writer and round
	fanoutTotal   = fanoutWriters * fanoutRounds * fanoutBurst
	steadyReaders = 20
	cutReaders    = 6
)

func TestRoom_TenThousandMessagesReachReadersOnTwoInstancesCompleteOnceAndInOrder(t *testing.T) {
	redis := startRedis(t)
	settings := append([]setting{redis.url(), "LOG_LEVEL=warn", "HISTORY_SIZE=20000"}, quiet...)
	bases := []string{
		startPlainInstance(t, settings...).base,
		startPlainInstance(t, settings...).base,
	}
	random := seededRandom(t)
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()

	writers := make([]visitor, fanoutWriters)
	for w := range writers {
		writers[w] = enter(t, bases[w%2], fmt.Sprintf("writer%d", w))
	}
	readers, readerCtx := errgroup.WithContext(ctx)
	lists := make([][]string, steadyReaders+cutReaders)
	progress := make(chan struct{}, steadyReaders*fanoutRounds)
	for n := range steadyReaders {
		st, err := open(readerCtx, subscription{base: bases[n%2], room: "fanout"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.hello(); err != nil {
			t.Fatal(err)
		}
		readers.Go(func() (err error) {
			lists[n], err = readSteadily(st, progress)
			return err
		})
	}
	for n := range cutReaders {
		source := rand.New(rand.NewPCG(random.Uint64(), 0))
		readers.Go(func() (err error) {
			lists[steadyReaders+n], err = readWithCuts(readerCtx, source, bases)
			return err
		})
	}

	begun := time.Now()
	postErr := postInRounds(readerCtx, bases, writers, progress)
	posted := time.Since(begun)
	if postErr != nil {
		cancel()
	}
	if err := errors.Join(readers.Wait(), postErr); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d messages to %d readers: posted in %s, read in %s",
		fanoutTotal, len(lists), posted.Round(time.Millisecond), time.Since(begun).Round(time.Millisecond))

	want := history(t, bases[0], "fanout")
	checkFanout(t, want)
	for n, list := range lists {
		if len(list) != len(want) {
			t.Errorf("reader %d has %d messages, want %d", n, len(list), len(want))
			continue
		}
		for i, m := range want {
			if list[i] != m.ID+" "+m.Text {
				t.Errorf("reader %d has %q at place %d, want %s %s", n, list[i], i, m.ID, m.Text)
				break
			}
		}
	}
}

// checkFanout holds the log to what was posted: each text once, each writer's in
// its order.
func checkFanout(t *testing.T, log []message) {
	t.Helper()
	if len(log) != fanoutTotal {
		t.Fatalf("the log has %d messages, want %d", len(log), fanoutTotal)
	}
	next := make([]int, fanoutWriters)
	for _, m := range log {
		var writer, number int
		if _, err := fmt.Sscanf(m.Text, "écrivain %d, message %d", &writer, &number); err != nil {
			t.Fatalf("text %q: %v", m.Text, err)
		}
		if number != next[writer] {
			t.Fatalf("writer %d: message %d stands where %d belongs", writer, number, next[writer])
		}
		next[writer]++
	}
}

// postInRounds posts with every writer at once, half of them on each instance, and
// begins a round when all steady readers have the last one.
func postInRounds(ctx context.Context, bases []string, people []visitor, progress <-chan struct{}) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: len(people)}}
	defer client.CloseIdleConnections()
	for round := range fanoutRounds {
		writers, writersCtx := errgroup.WithContext(ctx)
		for w, v := range people {
			writers.Go(func() error {
				for n := round * fanoutBurst; n < (round+1)*fanoutBurst; n++ {
					text := fmt.Sprintf("écrivain %d, message %d", w, n)
					a, err := callWith(writersCtx, client, http.MethodPost, bases[w%2]+"/messages",
						asJSON(post{Room: "fanout", Text: text}), v.bearer())
					if err != nil {
						return err
					}
					if a.status != http.StatusCreated {
						return fmt.Errorf("post: status %d: %s", a.status, a.body)
					}
				}
				return nil
			})
		}
		if err := writers.Wait(); err != nil {
			return err
		}
		for range steadyReaders {
			select {
			case <-progress:
			case <-ctx.Done():
				return fmt.Errorf("round %d: not every reader got it: %w", round, context.Cause(ctx))
			}
		}
	}
	return nil
}

// readSteadily reads every message over one stream that may not break, telling
// progress of each round.
func readSteadily(st *stream, progress chan<- struct{}) ([]string, error) {
	defer st.close()
	var list []string
	for len(list) < fanoutTotal {
		e, err := st.next()
		if err != nil {
			return list, fmt.Errorf("steady reader after %d messages: %w", len(list), err)
		}
		switch e.name {
		case "bye":
			return list, fmt.Errorf("steady reader after %d messages: bye %s", len(list), e.data)
		case "message":
			m, err := e.message()
			if err != nil {
				return list, err
			}
			if list = append(list, m.ID+" "+m.Text); len(list)%(fanoutTotal/fanoutRounds) == 0 {
				progress <- struct{}{}
			}
		}
	}
	return list, nil
}

// readWithCuts reads every message over many streams, cut at random places and
// resumed on a random instance.
func readWithCuts(ctx context.Context, random *rand.Rand, bases []string) ([]string, error) {
	var list []string
	lastID := "0-0"
	for len(list) < fanoutTotal {
		part, resume, err := readUntilCut(ctx, subscription{
			base: bases[random.IntN(len(bases))], room: "fanout", lastID: lastID,
		}, min(1+random.IntN(600), fanoutTotal-len(list)))
		list = append(list, part...)
		if err != nil {
			return list, fmt.Errorf("cut reader after %d messages: %w", len(list), err)
		}
		lastID = resume
	}
	return list, nil
}

// readUntilCut reads this many messages and cuts the connection, wherever in
// what follows that is. The server may end it earlier, with a bye.
func readUntilCut(ctx context.Context, s subscription, messages int) (list []string, lastID string, err error) {
	st, err := open(ctx, s)
	if err != nil {
		return nil, "", err
	}
	defer st.close()
	h, err := st.hello()
	if err != nil {
		return nil, "", err
	}
	if h.Resume != "resumed" {
		return nil, "", fmt.Errorf("hello says %q after %s", h.Resume, s.lastID)
	}
	for len(list) < messages {
		e, err := st.next()
		if err != nil {
			return list, "", err
		}
		switch e.name {
		case "bye":
			return list, st.lastID, nil
		case "message":
			m, err := e.message()
			if err != nil {
				return list, "", err
			}
			list = append(list, m.ID+" "+m.Text)
		}
	}
	return list, st.lastID, nil
}
