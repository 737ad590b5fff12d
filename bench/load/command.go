package load

// command is a line to the generator: one of its members is set.
type command struct {
	Connect *Connect `json:"connect,omitempty"`
	Run     *Run     `json:"run,omitempty"`
	Post    *Posts   `json:"post,omitempty"`
	Rest    *Rest    `json:"rest,omitempty"`
}

// reply is a line from the generator. Before a run's first measured message it
// sends one with Begin, and goes on when it gets an empty line.
type reply struct {
	Begin     bool       `json:"begin,omitempty"`
	Error     string     `json:"error,omitempty"`
	Connected *Connected `json:"connected,omitempty"`
	Ran       *Ran       `json:"ran,omitempty"`
	Posted    *Posted    `json:"posted,omitempty"`
	Rested    *Rested    `json:"rested,omitempty"`
}

// Reader says how one reader connects, to a certain kind of server.
type Reader struct {
	Request []byte `json:"request"` // template; its room is filled in
	Steps   []Step `json:"steps"`   // behind the response's head; after the last one it is a reader
	// Answer is what the server wants to hear again and again, if anything.
	Answer Step `json:"answer"`
}

// Step is something to wait for, if anything, and what to send then, if anything.
type Step struct {
	Await []byte `json:"await"`
	Send  []byte `json:"send"`
}

// Connect opens readers, in addition to those there are.
type Connect struct {
	Address string `json:"address"`
	Source  string `json:"source"` // the address they come from; "" lets the system choose
	Reader  Reader `json:"reader"`
	// FirstRoom, Rooms and Each say which rooms, and how many readers each gets.
	FirstRoom int `json:"first_room"`
	Rooms     int `json:"rooms"`
	Each      int `json:"each"`
	// Lines are a header line for each reader, by its number; fewer are fine.
	Lines []string `json:"lines,omitempty"`
	// AtOnce bounds the readers that are on their way in at any moment.
	AtOnce int     `json:"at_once"`
	Limit  float64 `json:"limit"` // seconds
}

// Connected tells what came of a Connect.
type Connected struct {
	Readers int     `json:"readers"`
	Failed  int     `json:"failed"`
	Why     string  `json:"why"` // the first failure
	Seconds float64 `json:"seconds"`
}

// Run publishes and listens.
type Run struct {
	Streams []Stream `json:"streams"`
	Warm    float64  `json:"warm"`  // seconds in which nothing is measured
	Quiet   float64  `json:"quiet"` // seconds without a delivery after which the rest counts as lost
	Limit   float64  `json:"limit"` // seconds in all
}

// Stream is a series of messages to some rooms in turn, over one connection.
type Stream struct {
	Address   string  `json:"address"` // "" if another generator publishes
	Request   []byte  `json:"request"` // template
	FirstRoom int     `json:"first_room"`
	Rooms     int     `json:"rooms"`
	PerSecond float64 `json:"per_second"`
	Messages  int     `json:"messages"` // measured ones
}

// Ran tells what came of a Run, for each stream.
type Ran struct {
	Outcomes []Outcome `json:"outcomes"`
	Bytes    int       `json:"bytes"` // all that came to readers in the window
	Cut      int       `json:"cut"`   // readers that the server hung up on
	Why      string    `json:"why"`   // the first thing that went wrong
	// Busy is the share of the time that the generator itself computed: near 1 it
	// is the generator that was measured.
	Busy float64 `json:"busy"`
}

// Outcome counts the deliveries of the measured messages of one stream.
type Outcome struct {
	Sent       int       `json:"sent"`
	Refused    int       `json:"refused"` // answers that were not 2xx
	Expected   int       `json:"expected"`
	Received   int       `json:"received"` // distinct ones
	Doubled    int       `json:"doubled"`
	Disordered int       `json:"disordered"`
	Torn       int       `json:"torn"` // markers with foreign bytes in them
	Delay      Histogram `json:"delay"`
	First      int64     `json:"first"` // ns of Unix time: the first message was sent
	Last       int64     `json:"last"`  // the last one was received
}

// Posts sends requests as fast as they are answered, each client on a connection
// of its own.
type Posts struct {
	Address  string   `json:"address"`
	Requests [][]byte `json:"requests"` // templates, one per client
	Warm     float64  `json:"warm"`
	Seconds  float64  `json:"seconds"`
}

// Posted tells what came of Posts.
type Posted struct {
	Answered int       `json:"answered"` // in the measured window
	Refused  int       `json:"refused"`
	Why      string    `json:"why"` // the first refusal or failure
	Seconds  float64   `json:"seconds"`
	Delay    Histogram `json:"delay"`
	Busy     float64   `json:"busy"`
}

// Rest reads and answers what comes, for a while.
type Rest struct {
	Seconds float64 `json:"seconds"`
}

// Rested has the number of arrivals in each tenth of a second.
type Rested struct {
	Arrivals []int `json:"arrivals"`
	Cut      int   `json:"cut"` // readers that the server hung up on
}
