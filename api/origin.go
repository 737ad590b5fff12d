package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// source is what a browser says of who made it send a request.
type source int

const (
	// unsaid: no browser, or one that says nothing.
	unsaid source = iota
	// ownOrigin: a page of ours, or the reader, who typed the address.
	ownOrigin
	// otherOrigin: a page of another origin, be it only another port of this host.
	otherOrigin
)

// sourceOf reads Sec-Fetch-Site, which browsers send over TLS and to localhost; where it
// is missing Origin, which they send with every POST and with a GET across origins; and
// where that is missing too, Referer.
func sourceOf(r *http.Request) source {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "":
	case "same-origin", "none":
		return ownOrigin
	default: // cross-site, same-site, and what is not known yet
		return otherOrigin
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		return hostIs(origin, r.Host)
	}
	if referer := r.Header.Get("Referer"); referer != "" {
		return hostIs(referer, r.Host)
	}
	return unsaid
}

// hostIs compares hosts and not schemes: which one the reader's browser speaks is a
// proxy's to say, and not every proxy does.
func hostIs(address, host string) source {
	if u, err := url.Parse(address); err == nil && u.Host != "" && strings.EqualFold(u.Host, host) {
		return ownOrigin
	}
	return otherOrigin
}

// cookieCounts reports whether a request may use, set or replace a cookie: if a page of
// ours or the reader sent it, a link elsewhere led to it, or a program with a jar did.
// A stream has to show that it is a page of ours: opening one changes who is present,
// and where browsers say nothing else, every other port's page could do it.
func cookieCounts(r *http.Request) bool {
	switch sourceOf(r) {
	case ownOrigin:
		return true
	case otherOrigin:
		return isNavigation(r)
	default:
		return r.URL.Path != "/events"
	}
}

// isNavigation reports whether a browser goes to another page, as a link makes it do.
// Where it does not send Sec-Fetch, only what it navigates to is asked to be upgraded;
// a page can send that header across origins only after a preflight.
func isNavigation(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.URL.Path == "/events" {
		return false
	}
	if r.Header.Get("Sec-Fetch-Site") == "" {
		return r.Header.Get("Upgrade-Insecure-Requests") == "1" && r.Header.Get("Origin") == ""
	}
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// refuseForeignWrites stops writes that pages of other origins make a browser
// send (http.CrossOriginProtection), but for the allowed origins'.
func (a *API) refuseForeignWrites() (gin.HandlerFunc, error) {
	guard := http.NewCrossOriginProtection()
	for _, origin := range a.o.CORSOrigins {
		if err := guard.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("allow origin %q: %w", origin, err)
		}
	}
	return func(c *gin.Context) {
		if guard.Check(c.Request) != nil {
			a.writeProblem(c.Writer, c.Request, crossOrigin())
			c.Abort()
		}
	}, nil
}

// refuseForeignStreams answers a stream that a page of another origin opens, but for the
// allowed origins': CrossOriginProtection only guards writes.
func (a *API) refuseForeignStreams(r *http.Request) error {
	if sourceOf(r) != otherOrigin || slices.Contains(a.o.CORSOrigins, r.Header.Get("Origin")) {
		return nil
	}
	return crossOrigin()
}

func crossOrigin() error {
	return problem(http.StatusForbidden, "cross_origin", "pages of other origins may not do this; CORS_ORIGINS can allow theirs")
}
