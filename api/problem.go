package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"causette/chat"
)

// Problem is an error as clients see it: RFC 9457, application/problem+json.
// Code is stable and meant for programs; the rest is for people. It is an error,
// so a handler returns one where nothing in package chat says it already.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
	// Field is the input at fault, where it is one.
	Field string `json:"field,omitempty"`
	// Suggestion is a free nickname near the one that is taken.
	Suggestion chat.Nickname `json:"suggestion,omitempty"`
	// RequestID is what the server's log calls this request.
	RequestID string `json:"request_id,omitempty"`

	retryAfter time.Duration
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

func problem(status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

func fieldProblem(status int, field, code, detail string) *Problem {
	p := problem(status, code, detail)
	p.Field = field
	return p
}

// retryUnavailable is how long a client waits before it asks again while Redis
// is away: the store finds out within about that time that it is back.
const retryUnavailable = 2 * time.Second

// How long it waits while Redis is full, which passes as messages expire or when somebody
// gives it more memory, and while too much is asked at once.
const (
	retryFull = 10 * time.Second
	retryBusy = time.Second
)

// limitDetail is what a limit says to people, by its name.
func limitDetail(policy string) string {
	switch policy {
	case "address":
		return "too many messages from your address, refused ones counted; wait a little"
	case "storage":
		return "your address has stored as much today as it may; wait"
	case "rooms":
		return "too many new rooms from your address; wait, or speak in a room that is there"
	default:
		return "too many requests of this kind; wait a little"
	}
}

// asProblem is the one place where errors become HTTP.
func asProblem(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if e, ok := errors.AsType[*chat.Invalid](err); ok {
		return fieldProblem(http.StatusUnprocessableEntity, e.Field, e.Code, e.Detail)
	}
	if e, ok := errors.AsType[*chat.NicknameTaken](err); ok {
		p := fieldProblem(http.StatusConflict, "nickname", "nickname_taken", "somebody else has this nickname")
		p.Suggestion = e.Suggestion
		return p
	}
	if e, ok := errors.AsType[*chat.RateLimited](err); ok {
		p := problem(http.StatusTooManyRequests, "rate_limited", limitDetail(e.Policy))
		p.retryAfter = e.RetryAfter
		return p
	}
	switch {
	case errors.Is(err, chat.ErrNonceReused):
		return fieldProblem(http.StatusConflict, "nonce", "nonce_reused", "this nonce was used for another text")
	case errors.Is(err, chat.ErrNicknameGivenUp):
		return problem(http.StatusUnauthorized, "invalid_token", "this token is for a nickname that its session gave up; use the newer one")
	case errors.Is(err, chat.ErrSessionEnded):
		return invalidToken("this token was ended, or its session took another nickname with a newer one")
	case errors.Is(err, context.Canceled):
		return problem(http.StatusRequestTimeout, "canceled", "the client went away before the answer")
	case errors.Is(err, chat.ErrStorageFull):
		p := problem(http.StatusServiceUnavailable, "storage_full",
			"the server has no room to store anything; reading goes on. Try again later, with the same nonce")
		p.retryAfter = retryFull
		return p
	case errors.Is(err, chat.ErrBusy):
		p := problem(http.StatusServiceUnavailable, "busy", "too much was asked at once; nothing took effect, so wait a little and ask again")
		p.retryAfter = retryBusy
		return p
	case errors.Is(err, chat.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		p := problem(http.StatusServiceUnavailable, "unavailable",
			"the server cannot reach Redis; it is not known whether the request took effect, so repeat it with the same nonce")
		p.retryAfter = retryUnavailable
		return p
	default:
		return problem(http.StatusInternalServerError, "internal", "something went wrong; the server's log says what")
	}
}

// writeProblem answers a request with err. A client that went away gets nothing.
func (a *API) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := *asProblem(err)
	p.RequestID = w.Header().Get(headerRequestID)
	if p.Status >= http.StatusInternalServerError && r.Context().Err() == nil {
		a.logFailure(r.Context(), p, err)
	}
	h := w.Header()
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(wholeSeconds(p.retryAfter)))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	if err := json.NewEncoder(w).Encode(p); err != nil {
		a.log.Debug("problem not sent", slog.String("request_id", p.RequestID), slog.String("error", err.Error()))
	}
}

// logFailure writes a line for a request that failed by no fault of its client. What a
// client can bring about as often as it likes, and a metric shows, is a line for debugging.
func (a *API) logFailure(ctx context.Context, p Problem, err error) {
	level := slog.LevelWarn
	if p.Code == "busy" || p.Code == "storage_full" {
		level = slog.LevelDebug
	}
	a.log.LogAttrs(ctx, level, "request failed", slog.String("request_id", p.RequestID), slog.String("error", err.Error()))
}
