package api

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/cors"
	"golang.org/x/time/rate"

	"causette/addr"
	"causette/assets"
	"causette/sse"
	"causette/store"
	"causette/templates"
)

// Options is what an [API] needs. All of it is static after New.
type Options struct {
	Store *store.Store
	Hub   *sse.Hub
	// Instance names this process in readiness answers.
	Instance string
	// SessionSecrets sign tokens: the first does, and what any of them signed is
	// good. Empty to share one through Redis.
	SessionSecrets []string
	// CORSOrigins are the foreign origins whose pages may use the API.
	CORSOrigins []string
	// TrustedProxies are the ranges whose X-Forwarded-For and X-Forwarded-Proto are
	// believed.
	TrustedProxies addr.Ranges
	// Hosts are the names, with or without a port, under which this server may be
	// asked for; none for any.
	Hosts []string
	// RequestRate is how many units one address may ask for in a second, and
	// RequestBurst at once; a rate of 0 is no limit. See request_cost.go.
	RequestRate  float64
	RequestBurst int
	// Owned is told whom a request counts for, before its body is read; nil where nobody
	// wants to know.
	Owned func(r *http.Request, owner string)
	// BecomesStream is told of a request whose connection is about to become a
	// stream; nil where nobody wants to know.
	BecomesStream func(*http.Request)
	// Embedded reports whether this process holds the embedded Redis.
	Embedded func() bool
	// Draining reports whether the process is on its way out.
	Draining func() bool
	Registry prometheus.Registerer
	Log      *slog.Logger
}

// API answers everything that HTTP asks of Causette.
type API struct {
	o        Options
	log      *slog.Logger
	sessions *sessions
	pages    *templates.Templates
	metrics  *metrics
	trusted  trustedProxies
	hosts    hostNames
	budget   *requestBudget // nil: no limit
	refusals rate.Sometimes // when the log says that there are some
	reads    *reads
}

// New makes the whole of Causette's HTTP: every route behind its guards.
// It fails if a template does not parse or a host's name is none.
func New(o Options) (http.Handler, error) {
	pages, err := templates.New()
	if err != nil {
		return nil, err
	}
	hosts, err := parseHosts(o.Hosts)
	if err != nil {
		return nil, err
	}
	a := &API{
		o: o, log: o.Log, pages: pages, trusted: trustedProxies{o.TrustedProxies}, hosts: hosts,
		sessions: newSessions(o.SessionSecrets, o.Store.Secret),
		metrics:  newMetrics(o.Registry),
		budget:   newRequestBudget(o.RequestRate, o.RequestBurst),
		refusals: rate.Sometimes{First: 1, Interval: time.Minute},
		reads:    newReads(),
	}
	a.reads.watch(o.Registry)
	return a.routes()
}

// routes is the whole URL space.
func (a *API) routes() (http.Handler, error) {
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.HandleMethodNotAllowed = true
	g.RedirectTrailingSlash = false // gin answers that before any of what stands below
	g.ForwardedByClientIP = false   // client_addr.go knows better
	guard, err := a.refuseForeignWrites()
	if err != nil {
		return nil, err
	}
	g.Use(a.tellOwner, a.identify, closeAfterChunks, a.logRequests, a.recoverPanics, a.secureHeaders)
	if len(a.o.CORSOrigins) > 0 {
		g.Use(a.allowOrigins()) // before the budget: an allowed page is to read why it is refused
	}
	// From here on a request is charged for, before anything is judged.
	g.Use(a.chargeRequest, a.endPreflight, a.refuseLongURLs, a.refuseUnknownHosts, guard)

	get := func(path string, h ...gin.HandlerFunc) {
		g.GET(path, h...)
		g.HEAD(path, h...)
	}
	get("/", a.bounded(a.getPage))
	get("/rooms/:room", a.bounded(a.getPage))

	g.GET("/events", a.unbounded(a.getEvents))
	g.POST("/messages", a.bounded(a.postMessage))
	get("/messages", a.bounded(a.getMessages))
	g.POST("/nicknames", a.bounded(a.postNickname))
	g.POST("/session/end", a.bounded(a.postSessionEnd))
	g.POST("/typing", a.bounded(a.postTyping))
	get("/participants", a.bounded(a.getParticipants))
	get("/rooms", a.bounded(a.getRooms))

	get("/healthz", a.getHealth)
	get("/readyz", a.getReady)
	get("/openapi.yaml", getOpenAPI)
	get("/assets/*file", gin.WrapH(assets.Handler()))
	get("/favicon.ico", gin.WrapH(assets.Favicon()))

	g.NoRoute(a.bounded(func(*gin.Context) error {
		return problem(http.StatusNotFound, "not_found", "there is nothing at this path; /openapi.yaml lists what there is")
	}))
	g.NoMethod(a.bounded(func(*gin.Context) error {
		return problem(http.StatusMethodNotAllowed, "method_not_allowed", "this path has other methods; see the Allow header")
	}))
	return g, nil
}

// allowOrigins answers preflights and marks answers as readable for the allowed
// origins. Cookies stay out of it (origin.go): such pages send a bearer token.
func (a *API) allowOrigins() gin.HandlerFunc {
	policy := cors.New(cors.Options{
		AllowedOrigins: a.o.CORSOrigins,
		AllowedMethods: []string{http.MethodGet, http.MethodPost},
		AllowedHeaders: []string{"Authorization", "Content-Type", "Last-Event-ID"},
		ExposedHeaders: []string{"Retry-After", headerRateLimitPolicy, headerRateLimit, headerRequestID},
		MaxAge:         3600, // seconds
	})
	return func(c *gin.Context) { policy.HandlerFunc(c.Writer, c.Request) }
}

// endPreflight ends what allowOrigins has answered.
func (a *API) endPreflight(c *gin.Context) {
	if len(a.o.CORSOrigins) > 0 && c.Request.Method == http.MethodOptions && c.GetHeader("Access-Control-Request-Method") != "" {
		c.Abort()
	}
}
