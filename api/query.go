package api

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
)

// queryInt reads a whole number from the query string, standard if it is not
// there. Another form, or a number outside low…high, is a problem that names it.
func queryInt(c *gin.Context, name string, standard, low, high int) (int, error) {
	s := c.Query(name)
	if s == "" {
		return standard, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		return 0, fieldProblem(http.StatusBadRequest, name, "invalid_"+name,
			fmt.Sprintf("%s is a whole number from %d to %d", name, low, high))
	}
	return n, nil
}
