package api

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"causette/chat"
)

// overBudgetKey marks a request that the budget refused, for the log.
const overBudgetKey = "over-budget"

// chargeRequest charges a request to its owner, and refuses it where too little is left,
// before anything is judged or asked of Redis.
func (a *API) chargeRequest(c *gin.Context) {
	if a.budget == nil {
		return
	}
	owner := a.owner(c)
	if isProbe(c.FullPath()) && a.trusted.isSilentProxy(c.Request) {
		owner = "probes of " + owner // a load balancer's look must not depend on whom it asks for besides
	}
	account, units := a.budget.account(owner), requestUnits(c)
	a.metrics.requestUnits.Add(float64(units))
	if wait := account.charge(units); wait > 0 {
		a.refuseRequest(c, account, wait)
		return
	}
	body := countLongBody(c.Request)
	c.Next()
	if c.FullPath() == "/events" { // what a stream sends is not asked for piece by piece
		return
	}
	after := (max(0, c.Writer.Size()) + body.read) / unitBytes
	if c.Writer.Status() == http.StatusTooManyRequests && c.FullPath() == "/messages" {
		after += limitedUnits
	}
	account.chargeAfter(after)
	a.metrics.requestUnits.Add(float64(after))
}

// chargeMore charges a request for work that its kind does not tell of.
func (a *API) chargeMore(c *gin.Context, units int) {
	if a.budget != nil {
		a.budget.account(a.owner(c)).chargeAfter(units)
		a.metrics.requestUnits.Add(float64(units))
	}
}

// countedBody counts what is read of a body, in bytes.
type countedBody struct {
	io.ReadCloser
	read int
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += n
	return n, err
}

// countLongBody counts a body that may be longer than any that is granted: what is thrown
// away is work as well.
func countLongBody(r *http.Request) *countedBody {
	counted := &countedBody{ReadCloser: r.Body}
	if r.ContentLength < 0 || r.ContentLength > maxBody {
		r.Body = counted
	}
	return counted
}

// refuseRequest answers a request that is past its owner's budget, slowly, and ends its
// connection: a refusal has a price as well.
func (a *API) refuseRequest(c *gin.Context, owner *account, wait time.Duration) {
	c.Abort()
	c.Set(overBudgetKey, true)
	a.metrics.requestsRefused.Inc()
	a.refusals.Do(func() {
		a.log.Warn("requests refused: an address is past its budget", slog.String("client", a.owner(c)))
	})
	c.Header("Connection", "close")
	owner.pause(c.Request.Context())
	units, window := a.budget.quota()
	err := &chat.RateLimited{RetryAfter: wait, Policy: "requests", Quota: units, Window: window}
	tellLimit(c, err)
	switch {
	case c.FullPath() == "/events":
		a.o.Hub.Refuse(c.Writer, c.Request) // a browser gives up for good on any other status
	case wantsPage(c.Request):
		a.refusedPage(c, wait, err)
	default:
		a.writeProblem(c.Writer, c.Request, err)
	}
}

// refusedPage is a small page that says so, made of nothing that costs: no session, no
// style, no word of Redis.
func (a *API) refusedPage(c *gin.Context, wait time.Duration, err error) {
	room, errRoom := chat.ParseRoomID(c.Param("room"))
	if errRoom != nil {
		room = chat.Lobby
	}
	var html bytes.Buffer
	p := asProblem(err)
	if errRender := a.pages.Refused(&html, language(c), room, p.Code, p.Detail); errRender != nil {
		a.writeProblem(c.Writer, c.Request, errRender)
		return
	}
	c.Header("Retry-After", strconv.Itoa(wholeSeconds(wait)))
	c.Header("Cache-Control", "no-store")
	c.Data(http.StatusTooManyRequests, "text/html; charset=utf-8", html.Bytes())
}
