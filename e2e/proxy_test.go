//go:build linux

package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// atOnce bounds how long one event may take through a proxy. What shows that
// events come at once is that each is awaited before the next is posted: a
// proxy that gathered them would never pass on the first.
const atOnce = 5 * time.Second

func TestNginx_WithTheDeployedConfigurationEveryEventArrivesAtOnce(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	one, two := startInstance(t, redis.url(), "MESSAGE_RATE=0"), startInstance(t, redis.url(), "MESSAGE_RATE=0")
	front := startNginx(t, func(port int) string {
		return deployedNginxConf(t, port, one.port, two.port)
	})
	checkProxied(t, front, []*instance{one, two})
	a := mustCall(t, http.StatusNotFound, http.MethodGet, front+"/metrics", "")
	if strings.Contains(string(a.body), "causette_") {
		t.Error("the deployed configuration shows the world the metrics")
	}
}

func TestNginx_WithNoLineAboutStreamingEveryEventArrivesAtOnce(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	one := startInstance(t, redis.url(), "MESSAGE_RATE=0")
	front := startNginx(t, func(port int) string {
		return fmt.Sprintf(`
events {}
http {
    server {
        listen 127.0.0.1:%d;
        location / {
            proxy_pass http://127.0.0.1:%d;
        }
    }
}`, port, one.port)
	})
	checkProxied(t, front, []*instance{one})
}

// checkProxied reads through a proxy, as a raw client and as curl, while messages
// are posted through it and beside it.
func checkProxied(t *testing.T, front string, behind []*instance) {
	t.Helper()
	ana := enter(t, front, "ana")
	first := ana.say(t, front, "", "through the proxy")
	reader := listen(t, subscription{base: front, as: ana})
	if reader.hello.You.Nickname != "ana" {
		t.Errorf("hello through the proxy: %+v", reader.hello)
	}
	reader.awaitText(atOnce, first.Text)
	c := startCurl(t, "-N", front+"/events")
	c.awaitNamed(atOnce, "hello")
	c.awaitText(atOnce, first.Text)
	for n := range 12 {
		base := front
		if n%2 == 1 {
			base = behind[n%len(behind)].base
		}
		said := ana.say(t, base, "", fmt.Sprintf("message %d", n))
		if got := reader.awaitText(atOnce, said.Text); got != said {
			t.Errorf("through the proxy came %+v, want %+v", got, said)
		}
		c.awaitText(atOnce, said.Text)
	}
	resumed := startCurl(t, "-N", "-H", "Last-Event-ID: "+first.ID, front+"/events")
	resumed.awaitNamed(atOnce, "hello")
	resumed.awaitText(atOnce, "message 0")
}

func TestTinyproxy_AsAForwardProxyEveryEventArrivesAtOnce(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	one := startInstance(t, redis.url(), "MESSAGE_RATE=0")
	port := freePort(t)
	conf := filepath.Join(t.TempDir(), "tinyproxy.conf")
	text := fmt.Sprintf("Port %d\nListen 127.0.0.1\nTimeout 600\nMaxClients 20\nLogLevel Warning\n", port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, fmt.Sprintf("tinyproxy :%d", port), exec.Command(program(t, "tinyproxy", "tinyproxy"), "-d", "-c", conf))
	awaitListening(t, port)

	proxy := fmt.Sprintf("http://127.0.0.1:%d", port)
	reader := startCurl(t, "-N", "-x", proxy, one.base+"/events")
	reader.awaitNamed(atOnce, "hello")
	for n := range 10 {
		text := fmt.Sprintf("message %d", n)
		poster := startCurl(t, "-x", proxy, one.base+"/messages", "-d", asJSON(post{Text: text, Nickname: "ana"}))
		if code := poster.exitCode(10 * time.Second); code != 0 {
			t.Fatalf("curl -x … -d exited with %d", code)
		}
		reader.awaitText(atOnce, text)
	}
}

// startNginx runs nginx with the configuration made for a free port, in a folder
// of its own, and returns its base URL.
func startNginx(t *testing.T, conf func(port int) string) string {
	t.Helper()
	port, dir := freePort(t), t.TempDir()
	text := conf(port)
	// Debian's places for logs and bodies are root's.
	var own strings.Builder
	own.WriteString("http {\n    access_log off;\n")
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&own, "    %s_temp_path %s;\n", kind, filepath.Join(dir, kind))
	}
	text = substitute(t, text, "http {\n", own.String())
	// One process, so that nothing is left of it when the test binary dies.
	globals := fmt.Sprintf("daemon off; master_process off; pid %s;", filepath.Join(dir, "pid"))
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program(t, "nginx", "nginx"), "-p", dir, "-e", "stderr", "-c", path, "-g", globals)
	start(t, fmt.Sprintf("nginx :%d", port), cmd)
	awaitListening(t, port)
	return fmt.Sprintf("http://127.0.0.1:%d", port)
}

// deployedNginxConf is deploy/nginx.conf with three substitutions: its port, and
// the addresses of the two instances.
func deployedNginxConf(t *testing.T, port, one, two int) string {
	t.Helper()
	text, err := os.ReadFile("../deploy/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	conf := substitute(t, string(text), "listen 80;", fmt.Sprintf("listen 127.0.0.1:%d;", port))
	conf = substitute(t, conf, "server causette-1:4100;", fmt.Sprintf("server 127.0.0.1:%d;", one))
	conf = substitute(t, conf, "server causette-2:4100;", fmt.Sprintf("server 127.0.0.1:%d;", two))
	return strings.Replace(conf, "    access_log off;", "    #", 1)
}

// substitute replaces what must stand in a configuration exactly once.
func substitute(t *testing.T, text, old, replacement string) string {
	t.Helper()
	if n := strings.Count(text, old); n != 1 {
		t.Fatalf("the configuration has %q %d times, want once", old, n)
	}
	return strings.Replace(text, old, replacement, 1)
}

// awaitListening waits until something accepts connections on the port.
func awaitListening(t *testing.T, port int) {
	t.Helper()
	eventually(t, 10*time.Second, "a listener", func() error {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return err
		}
		return conn.Close()
	})
}
