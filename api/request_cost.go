package api

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
)

// unitBytes is how many bytes of an answer, or of a body that is too long, cost one unit, and
// headerUnitBytes how many of a header and an address: to read those costs several times as
// much.
const unitBytes, headerUnitBytes = 16 << 10, 4 << 10

// limitedUnits is what it costs to run into a limit of messages: who waits as long as the
// answer says pays it once, and who goes on instead is soon past the budget, where refusals
// take a second. An office that takes its nicknames all at once is not to pay for that.
const limitedUnits = 10

// price is what a request costs before it is judged, in units of about 0.1 ms of work,
// granted or refused.
type price struct {
	units int
	// page: it is answered with a room's page where it wants one.
	page bool
	// Where the parameter many asks for more than free things, each twenty cost a unit.
	many           string
	standard, free int
}

const pageUnits = 10

// prices are by method and route. HEAD costs what GET does: only the body is left out.
// What stands here not at all, such as a path that there is not, costs a unit.
var prices = map[string]map[string]price{
	http.MethodGet: {
		"/":             {units: pageUnits},
		"/rooms/:room":  {units: pageUnits},
		"/rooms":        {units: 5, page: true},
		"/participants": {units: 2},
		"/messages":     {units: 2, many: "limit", standard: defaultPage},
		"/events":       {units: 2, many: "history", standard: defaultHistory, free: defaultHistory},
	},
	http.MethodPost: {
		"/messages":    {units: 1, page: true},
		"/nicknames":   {units: 1, page: true},
		"/session/end": {units: 1, page: true},
	},
}

// most bounds how many things a request is charged for: more than this is refused.
const most = max(maxPage, maxHistory)

// requestUnits is what a request costs, before its answer is known.
func requestUnits(c *gin.Context) int {
	method := c.Request.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	heading := headingBytes(c.Request) / headerUnitBytes
	p, found := prices[method][c.FullPath()]
	if !found {
		return 1 + heading
	}
	units := p.units + heading
	if p.page && wantsPage(c.Request) {
		units = max(units, pageUnits+heading)
	}
	if p.many != "" {
		asked, err := strconv.Atoi(c.Query(p.many))
		if err != nil {
			asked = p.standard
		}
		units += max(0, min(asked, most)-p.free) / 20
	}
	return units
}

// openingUnits is what a stream costs beside if it opens its room on this instance: a
// subscription, a look at the log, and all of it again when it closes.
const openingUnits = 8

// headingBytes is about how long a request's first line and header are.
func headingBytes(r *http.Request) int {
	n := len(r.RequestURI)
	for name, lines := range r.Header {
		for _, line := range lines {
			n += len(name) + len(line)
		}
	}
	return n
}
