package api

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
)

// unitBytes is how many bytes of an answer, or of a body that is too long, cost one unit.
const unitBytes = 16 << 10

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
		"/events":       {units: 1, many: "history", standard: defaultHistory, free: defaultHistory},
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
	p, found := prices[method][c.FullPath()]
	if !found {
		return 1
	}
	units := p.units
	if p.page && wantsPage(c.Request) {
		units = max(units, pageUnits)
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
