package systems

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// ask sends one request and reads a small answer, which must be a 2xx.
func ask(ctx context.Context, client *http.Client, method, url, body string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err == nil && answer.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s: %.200s", method, url, answer.Status, text)
	}
	return text, err
}
