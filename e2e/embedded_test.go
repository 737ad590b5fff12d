//go:build linux

package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The newcomer's ports: the default, and the one of the second terminal.
const (
	firstURL  = "http://localhost:4100"
	secondURL = "http://localhost:4101"
)

// takeover is how soon another instance holds the embedded Redis when the one
// that held it is gone.
const takeover = 2 * time.Second

func TestEmbedded_TheSecondInstanceJoinsTheFirstAndTakesOverWhenItIsKilled(t *testing.T) {
	if !aloneOnLoopback(t) {
		return
	}
	one := launch(t, checkedBinary, 0) // not a single setting, as with go run .
	one.awaitReady(startup)
	two := launch(t, checkedBinary, 4101)
	two.awaitReady(startup)
	checkHolder(t, one, two)

	ana := enter(t, firstURL, "ana")
	reader := listen(t, subscription{base: one.base})
	other := listen(t, subscription{base: two.base})
	said := ana.say(t, secondURL, "", "salut")
	for _, l := range []*listener{reader, other} {
		if got := l.awaitText(5*time.Second, "salut"); got != said {
			t.Errorf("got %+v, want %+v", got, said)
		}
	}
	awaitPeople(t, two.base, 2)
	answered := startCurl(t, "-XPOST", "localhost:4101/messages", "-d", `{"nickname":"bob","text":"from a third terminal"}`)
	if code := answered.exitCode(5 * time.Second); code != 0 {
		t.Errorf("curl exited with %d", code)
	}
	reader.awaitText(5*time.Second, "from a third terminal")

	for _, i := range []*instance{one, two} {
		if output := i.out.String(); strings.Contains(output, "level=WARN") || strings.Contains(output, "level=ERROR") {
			t.Errorf("%s warns of something on a machine with only Go", i.name)
		}
	}

	begun := time.Now()
	one.kill()
	two.awaitOutput(takeover, "took over")
	two.awaitStatus(takeover, "/readyz", http.StatusOK)
	t.Logf("took over and ready %s after the kill", time.Since(begun).Round(time.Millisecond))
	mustCall(t, http.StatusCreated, http.MethodPost, two.base+"/messages", asJSON(post{Text: "anew", Nickname: "eve"}))
	after := listenAfterLoss(t, two.base, said.ID)
	after.awaitText(5*time.Second, "anew")

	again := launch(t, checkedBinary, 0)
	again.awaitReady(startup)
	checkHolder(t, two, again)
	mustCall(t, http.StatusCreated, http.MethodPost, again.base+"/messages", asJSON(post{Text: "together again", Nickname: "eve"}))
	after.awaitText(5*time.Second, "together again")
}

func TestEmbedded_AHolderThatIsStoppedHandsOverToo(t *testing.T) {
	if !aloneOnLoopback(t) {
		return
	}
	one := launch(t, checkedBinary, 0, "DRAIN=100ms")
	one.awaitReady(startup)
	two := launch(t, checkedBinary, 4101)
	two.awaitReady(startup)
	reader := listen(t, subscription{base: two.base})

	one.terminate(5 * time.Second)
	two.awaitOutput(takeover, "took over")
	two.awaitReady(takeover)
	mustCall(t, http.StatusCreated, http.MethodPost, two.base+"/messages", asJSON(post{Text: "anew", Nickname: "eve"}))

	// The reader stays and gets it, or is told to come back and gets it then.
	if e := reader.await(10*time.Second, "the message or a bye", func(e event) bool {
		return e.name == "bye" || e.name == "message"
	}); e.name == "bye" && !isBye(t, e, "replaced") {
		t.Errorf("the reader was told %s, want replaced", e.data)
	}
}

func TestEmbedded_TwoInstancesStartedAtOnceAgree(t *testing.T) {
	if !aloneOnLoopback(t) {
		return
	}
	one, two := launch(t, checkedBinary, 0), launch(t, checkedBinary, 4101)
	one.awaitReady(startup)
	two.awaitReady(startup)
	if holds(t, one) {
		checkHolder(t, one, two)
	} else {
		checkHolder(t, two, one)
	}
	reader := listen(t, subscription{base: one.base})
	mustCall(t, http.StatusCreated, http.MethodPost, two.base+"/messages", asJSON(post{Text: "salut", Nickname: "ana"}))
	reader.awaitText(5*time.Second, "salut")
}

// listenAfterLoss resumes from a position in a log that is gone, as an EventSource
// does: it may still be served from what the instance remembers, is then told
// that the log was replaced, and comes back. In the end it is told of the gap.
func listenAfterLoss(t *testing.T, base, lastID string) *listener {
	t.Helper()
	for range 3 {
		l := listen(t, subscription{base: base, lastID: lastID})
		if l.hello.Resume == "gap" {
			return l
		}
		l.await(5*time.Second, "bye", func(e event) bool { return isBye(t, e, "replaced") })
		_, lastID, _ = l.soFar()
	}
	t.Fatal("no hello speaks of the gap")
	return nil
}

// checkHolder wants one instance to hold the embedded Redis, and both to say so.
func checkHolder(t *testing.T, holder, guest *instance) {
	t.Helper()
	if !holds(t, holder) || holds(t, guest) {
		t.Errorf("/readyz: %s holds the embedded Redis: %t, %s: %t; want only the first",
			holder.name, holds(t, holder), guest.name, holds(t, guest))
	}
	says := func(i *instance) int {
		output := i.out.String()
		return strings.Count(output, "embedded Redis started") + strings.Count(output, "embedded Redis took over")
	}
	if says(holder) != 1 || says(guest) != 0 {
		t.Errorf("%s says in %d lines that it holds the embedded Redis, want one; %s in %d, want none",
			holder.name, says(holder), guest.name, says(guest))
	}
}

func holds(t *testing.T, i *instance) bool {
	t.Helper()
	a := mustCall(t, http.StatusOK, http.MethodGet, i.base+"/readyz", "")
	return read[struct{ Embedded bool }](t, string(a.body)).Embedded
}

// aloneOnLoopback makes sure that the newcomer's addresses, 127.0.0.1:6379 and
// ports 4100 and 4101, are this test's own. It returns true where they are. Otherwise it runs
// the test again in a network namespace with a loopback of its own, and
// returns false when that has passed or failed.
func aloneOnLoopback(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideEnv) != "" {
		return true
	}
	if _, err := checkedBinary(); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// A process namespace too: it ends with its first process, however that ends.
	args := []string{"--net", "--pid", "--fork", "--kill-child"}
	if os.Geteuid() != 0 {
		args = append(args, "--map-root-user")
	}
	args = append(args, "--", "sh", "-c", program(t, "ip", "iproute2")+` link set lo up && exec "$0" "$@"`)
	unshare := program(t, "unshare", "util-linux")
	if err := exec.Command(unshare, append(args, "true")...).Run(); err != nil {
		return portsAreFree(t, err)
	}
	t.Parallel() // each has a loopback of its own
	args = append(args, self, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=90s")
	cmd := exec.Command(unshare, args...)
	cmd.Env = append(os.Environ(), insideEnv+"="+buildDir)
	p := start(t, "the same test in its own network", cmd)
	code := p.exitCode(100 * time.Second)
	t.Logf("in its own network:\n%s", p.out)
	if code != 0 || !strings.Contains(p.out.String(), "--- PASS: "+t.Name()) {
		t.Errorf("failed in its own network namespace: exit code %d", code)
	}
	return false
}

// portsAreFree is the way out where no namespace can be had: the machine's own
// loopback, if nobody uses it.
func portsAreFree(t *testing.T, noNamespace error) bool {
	t.Helper()
	for _, port := range []int{6379, 4100, 4101} {
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			t.Fatalf("this test needs 127.0.0.1:%d for itself: stop what listens there, or let it make a network namespace (unshare --net: %v)", port, noNamespace)
		}
		_ = l.Close()
	}
	return true
}
