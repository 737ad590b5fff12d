package sse

import "time"

// await waits until done is closed, as the stream's pace has it. One who has heard
// nothing for a while hears then that it is connected: by a retry alone, for that
// others are before it in line does not mean that Redis is away.
func (s *stream) await(done <-chan struct{}) error {
	if !s.out.begun {
		late := time.NewTimer(time.Until(s.began.Add(openPatience)))
		defer late.Stop()
		if woken, err := s.pace.waitUntil(s.out, done, late.C); woken || err != nil {
			return err
		}
		if err := s.sayWaiting(); err != nil {
			return err
		}
	}
	return s.pace.wait(s.out, done)
}

// sayWaiting is the first that a client hears whose hello takes long.
func (s *stream) sayWaiting() error {
	if _, _, down := s.entry.room.now(); down {
		return s.tellDown()
	}
	s.buf = append(appendRetry(s.buf, retryFor(hangup)), '\n')
	return s.send()
}

// waitFor is await for a length of time.
func (s *stream) waitFor(d time.Duration) error {
	over := make(chan struct{})
	t := time.AfterFunc(d, func() { close(over) })
	defer t.Stop()
	return s.await(over)
}
