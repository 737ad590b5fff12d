package api

import (
	"net/http"

	"causette/addr"
)

// trustedProxies are the ranges whose forwarding headers are believed.
type trustedProxies struct{ addr.Ranges }

// isSecure reports whether the client speaks TLS, to this server or, as a
// trusted proxy says, to the proxy.
func (t trustedProxies) isSecure(r *http.Request) bool {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") != "https" {
		return r.TLS != nil
	}
	return t.Contain(peerAddr(r))
}

// baseURL is how the client reaches this server, such as http://localhost:4100.
func (t trustedProxies) baseURL(r *http.Request) string {
	if t.isSecure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
