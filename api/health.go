package api

import (
	_ "embed"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"causette/chat"
)

// getHealth answers as long as the process can answer at all.
func (a *API) getHealth(c *gin.Context) {
	c.JSON(http.StatusOK, gin.H{"status": "ok"})
}

// readiness is what a load balancer and a person want to know.
type readiness struct {
	// Status is "ready", "draining", "unavailable" or "storage_full".
	Status string `json:"status"`
	// Redis is "up", "down" (also if it answers, but takes no writes) or "full".
	Redis    string `json:"redis"`
	Embedded bool   `json:"embedded"`
	Instance string `json:"instance"`
}

// getReady answers 200 while this instance can serve, and 503 while Redis is
// out of reach, full or takes no writes, or the process is stopping.
func (a *API) getReady(c *gin.Context) {
	ready := readiness{Status: "ready", Redis: "up", Embedded: a.o.Embedded(), Instance: a.o.Instance}
	status := http.StatusOK
	switch err := a.o.Store.Ready(); {
	case errors.Is(err, chat.ErrStorageFull):
		ready.Status, ready.Redis, status = "storage_full", "full", http.StatusServiceUnavailable
	case err != nil:
		ready.Status, ready.Redis, status = "unavailable", "down", http.StatusServiceUnavailable
	}
	if a.o.Draining() {
		ready.Status, status = "draining", http.StatusServiceUnavailable
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(status, ready)
}

//go:embed openapi.yaml
var openAPI []byte

// getOpenAPI serves the contract.
func getOpenAPI(c *gin.Context) {
	c.Data(http.StatusOK, "application/yaml", openAPI)
}
