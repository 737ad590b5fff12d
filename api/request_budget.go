package api

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// Bounds of what is kept of those who ask.
const (
	// maxAccounts is how many owners' accounts are kept, of about 300 bytes each. The one
	// that was used least lately goes for a new one, and would begin anew: whoever has the
	// addresses to push his own out has more to spend in those than he gets back by it.
	maxAccounts = 16 << 10
	// refusalPause is how long a refusal waits, so that asking again and again brings
	// one answer a second and connection.
	refusalPause = time.Second
	// maxPaused is how many refusals wait at once, about 20 KB of memory each, most of which
	// is their connection's, and maxPausedPerOwner how many of them are one owner's. One
	// more is answered at once. The bounds on connections are mostly reached before.
	maxPaused         = 4096
	maxPausedPerOwner = 1024
)

// requestBudget holds each owner to so many units a second, on this instance.
type requestBudget struct {
	// Static after construction.
	rate     rate.Limit // units a second
	burst    int
	accounts *lru.Cache[string, *account]

	paused atomic.Int32 // refusals that wait
}

// account is what an owner has left.
type account struct {
	budget *requestBudget // static
	units  *rate.Limiter
	paused atomic.Int32 // refusals that wait
}

// newRequestBudget is a budget of so many units a second, and burst at once; nil, which
// is no limit, for a rate of 0.
func newRequestBudget(perSecond float64, burst int) *requestBudget {
	if perSecond <= 0 {
		return nil
	}
	accounts, err := lru.New[string, *account](maxAccounts)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &requestBudget{rate: rate.Limit(perSecond), burst: burst, accounts: accounts}
}

// account is that of an owner, made where there is none.
func (b *requestBudget) account(owner string) *account {
	if known, found := b.accounts.Get(owner); found {
		return known
	}
	fresh := &account{budget: b, units: rate.NewLimiter(b.rate, b.burst)}
	if known, found, _ := b.accounts.PeekOrAdd(owner, fresh); found {
		return known
	}
	return fresh
}

// quota is how many units there are in how much time.
func (b *requestBudget) quota() (int, time.Duration) {
	return b.burst, b.seconds(float64(b.burst))
}

func (b *requestBudget) seconds(units float64) time.Duration {
	return time.Duration(math.Ceil(units/float64(b.rate))) * time.Second
}

// charge takes units for a request. If there are not as many, the request is to be
// refused, and wait is after how long the same would be granted if nothing else is asked.
// A refusal is charged too, down to a debt of one second's units, so that whoever waits
// gets through.
func (a *account) charge(units int) (wait time.Duration) {
	now := time.Now()
	left := a.units.TokensAt(now)
	if left >= float64(units) {
		a.units.ReserveN(now, units)
		return 0
	}
	if left > -float64(a.budget.rate) {
		a.units.ReserveN(now, units)
		left -= float64(units)
	}
	return max(time.Second, a.budget.seconds(float64(units)-left))
}

// chargeAfter takes units for what an answer turned out to cost, into debt if need be: it is
// done.
func (a *account) chargeAfter(units int) {
	for left := units; left > 0; left -= a.budget.burst {
		a.units.ReserveN(time.Now(), min(left, a.budget.burst))
	}
}

// pause holds a refusal back for refusalPause, or until ctx ends; not at all if as many
// wait already as may.
func (a *account) pause(ctx context.Context) {
	defer a.paused.Add(-1)
	defer a.budget.paused.Add(-1)
	if mine, all := a.paused.Add(1), a.budget.paused.Add(1); mine > maxPausedPerOwner || all > maxPaused {
		return
	}
	over := time.NewTimer(refusalPause)
	defer over.Stop()
	select {
	case <-over.C:
	case <-ctx.Done():
	}
}
