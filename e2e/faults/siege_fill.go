package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"golang.org/x/sync/errgroup"
)

// What one address of those who fill a room says: MESSAGE_BURST.
const fillBurst = 20

// fillRoom has many say n messages in a room before a siege begins, each of an address
// of his own and within what one may say.
func (s *siege) fillRoom(ctx context.Context, room string, n int, text string) error {
	several, ctx := errgroup.WithContext(ctx)
	several.SetLimit(16)
	if n = int(float64(n) * s.scale); n == 0 {
		n = 1
	}
	for first := 0; first < n; first += fillBurst {
		several.Go(func() error {
			return s.fillBy(ctx, s.from.next(), room, min(fillBurst, n-first), text)
		})
	}
	return several.Wait()
}

// fillBy has one address say n messages.
func (s *siege) fillBy(ctx context.Context, address, room string, n int, text string) error {
	client := clientFrom(address, false)
	defer client.CloseIdleConnections()
	body, err := json.Marshal(map[string]string{"room": room, "nickname": "filler", "text": text})
	if err != nil {
		return err
	}
	url := s.instances[0].base + "/messages"
	for range n {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusCreated {
			return fmt.Errorf("fill %s: %s", room, response.Status)
		}
	}
	return nil
}
