package api

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
)

// hostName is a name or address that this server is asked for, and a port; no port is any.
type hostName struct {
	name string // in lower case; an IPv6 address without its brackets
	port string // "" if none was given
}

var nameForm = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$`)

// ParseHost reads what may stand in a request's Host, and in the variable HOSTS: a name, an
// IPv4 address or an IPv6 address in brackets, and perhaps a port.
func ParseHost(s string) (name, port string, err error) {
	s = strings.ToLower(s)
	if strings.HasSuffix(s, "]") || !strings.Contains(s, ":") {
		s += ":" // SplitHostPort wants a port
	} else if strings.HasSuffix(s, ":") {
		return "", "", fmt.Errorf("%q has no port behind its colon", s)
	}
	name, port, err = net.SplitHostPort(s)
	if err != nil {
		return "", "", err
	}
	if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0 || strconv.FormatUint(n, 10) != port) {
		return "", "", fmt.Errorf("%q is no port", port)
	}
	if addr, err := netip.ParseAddr(name); err == nil && strings.HasPrefix(s, "[") == addr.Is6() {
		return addr.String(), port, nil
	}
	if strings.HasPrefix(s, "[") || !nameForm.MatchString(name) {
		return "", "", fmt.Errorf("%q is neither a name nor an address", name)
	}
	return name, port, nil
}

// hostNames are those that a server may be asked for; none means any.
type hostNames []hostName

func parseHosts(list []string) (hostNames, error) {
	var all hostNames
	for _, s := range list {
		name, port, err := ParseHost(s)
		if err != nil {
			return nil, fmt.Errorf("host %q: %w", s, err)
		}
		all = append(all, hostName{name, port})
	}
	return all, nil
}

// contain reports whether a request's Host is one of them. A Host without a port is one
// with a default port, of http or https: which of them, only a proxy may know.
func (h hostNames) contain(host string) bool {
	name, port, err := ParseHost(host)
	return err == nil && slices.ContainsFunc(h, func(known hostName) bool {
		return known.name == name && (known.port == "" || known.port == port || port == "" && isDefaultPort(known.port))
	})
}

func isDefaultPort(port string) bool { return port == "80" || port == "443" }

// refuseUnknownHosts answers a request for another name than HOSTS lists. A name that
// somebody else points here makes his page one of our origin, to the browser (DNS rebinding).
// Probes ask for whatever address they know.
func (a *API) refuseUnknownHosts(c *gin.Context) {
	if len(a.hosts) == 0 || a.hosts.contain(c.Request.Host) || isProbe(c.FullPath()) {
		return
	}
	a.writeProblem(c.Writer, c.Request, problem(http.StatusMisdirectedRequest, "unknown_host",
		"this server is not asked for under this name; HOSTS says under which"))
	c.Abort()
}
