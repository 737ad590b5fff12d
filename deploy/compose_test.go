package deploy_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

type composeFile struct {
	Services map[string]service
	Networks map[string]struct{ Internal bool }
}

type service struct {
	Image           string
	Restart         string
	User            string
	Entrypoint      []string
	Environment     map[string]string
	Healthcheck     struct{ Test []string }
	Volumes         []string
	Command         []string
	Networks        any                                   // a list, or a map by name
	NetworkMode     string                                `yaml:"network_mode"`
	DependsOn       map[string]struct{ Condition string } `yaml:"depends_on"`
	StopGracePeriod time.Duration                         `yaml:"stop_grace_period"`
	ReadOnly        bool                                  `yaml:"read_only"`
	CapDrop         []string                              `yaml:"cap_drop"`
	CapAdd          []string                              `yaml:"cap_add"`
	SecurityOpt     []string                              `yaml:"security_opt"`
	MemLimit        string                                `yaml:"mem_limit"`
	PidsLimit       int                                   `yaml:"pids_limit"`
	Logging         struct{ Options map[string]string }
	Ports           []string
}

// on reports whether a service is in a network.
func (s service) on(network string) bool {
	switch all := s.Networks.(type) {
	case []any:
		return slices.Contains(all, any(network))
	case map[string]any:
		_, ok := all[network]
		return ok
	}
	return false
}

func compose(t *testing.T) composeFile {
	t.Helper()
	var c composeFile
	if err := yaml.Unmarshal(read(t, "compose.yaml"), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

var instances = []string{"causette-1", "causette-2"}

func TestCompose_HasRedisTwoInstancesAndNginx(t *testing.T) {
	c := compose(t)
	for name, s := range c.Services {
		once := name == "secret"
		if s.Restart != "unless-stopped" && !once {
			t.Errorf("%s is not started again: restart is %q", name, s.Restart)
		}
		for other, on := range s.DependsOn {
			want := "service_healthy"
			if other == "secret" {
				want = "service_completed_successfully"
			}
			if _, ok := c.Services[other]; !ok || on.Condition != want {
				t.Errorf("%s waits for %s to be %q", name, other, on.Condition)
			}
		}
	}
	for _, name := range []string{"redis", "nginx"} {
		if len(c.Services[name].Healthcheck.Test) == 0 { // the instances' is in their image
			t.Errorf("%s has no health check", name)
		}
	}
	if !slices.Contains(c.Services["nginx"].Volumes, "./nginx.conf:/etc/nginx/nginx.conf:ro") {
		t.Errorf("nginx does not read nginx.conf: %v", c.Services["nginx"].Volumes)
	}
	for _, name := range instances {
		s := c.Services[name]
		if s.StopGracePeriod < 10*time.Second {
			t.Errorf("%s is killed after %s", name, s.StopGracePeriod)
		}
		for _, variable := range []string{"SESSION_SECRET", "TRUSTED_PROXIES", "ADMIN_ADDR"} {
			if _, ok := s.Environment[variable]; !ok {
				t.Errorf("%s is not given %s", name, variable)
			}
		}
	}
}

func TestCompose_EveryServiceIsConfined(t *testing.T) {
	for name, s := range compose(t).Services {
		if !regexp.MustCompile(`^[1-9][0-9]*[mg]$`).MatchString(s.MemLimit) || s.PidsLimit <= 0 {
			t.Errorf("%s has %q of memory and %d processes", name, s.MemLimit, s.PidsLimit)
		}
		if s.Logging.Options["max-size"] == "" || s.Logging.Options["max-file"] == "" {
			t.Errorf("%s has no bounds on its log: %v", name, s.Logging.Options)
		}
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) {
			t.Errorf("%s may do more than it needs: read_only %v, cap_drop %v, security_opt %v", name, s.ReadOnly, s.CapDrop, s.SecurityOpt)
		}
		if len(s.CapAdd) > 0 && name != "nginx" {
			t.Errorf("%s has capabilities: %v", name, s.CapAdd)
		}
	}
}

func TestCompose_NginxReachesNoRedisAndTheWorldNginxOnly(t *testing.T) {
	c := compose(t)
	for name, s := range c.Services {
		if s.NetworkMode == "none" {
			continue
		}
		if s.on("edge") != (name == "nginx") || (len(s.Ports) > 0) != (name == "nginx") {
			t.Errorf("%s: reached from outside: %v, %v", name, s.on("edge"), s.Ports)
		}
		if s.on("back") != (name == "redis" || slices.Contains(instances, name)) {
			t.Errorf("%s: reaches Redis: %v", name, s.on("back"))
		}
	}
	if !c.Networks["front"].Internal || !c.Networks["back"].Internal {
		t.Errorf("what is inside reaches out: %v", c.Networks)
	}
}

func TestCompose_RedisIsBoundedAndKeepsWhatItTook(t *testing.T) {
	line := strings.Join(compose(t).Services["redis"].Command, " ")
	for _, want := range []string{"/secret/redis.conf", "--appendonly yes", "--maxmemory 512mb", "--maxmemory-policy noeviction"} {
		if !strings.Contains(line, want) {
			t.Errorf("%q has no %q", line, want)
		}
	}
}

func TestCompose_SetsNoVariableThatCausetteDoesNotRead(t *testing.T) {
	config := string(read(t, "../config.go"))
	for name, s := range compose(t).Services {
		for variable := range s.Environment {
			if !strings.Contains(config, `env:"`+variable+`"`) {
				t.Errorf("%s: %s is none of Config", name, variable)
			}
		}
	}
}

// inside makes of a service's words what runs here: dollars as Compose passes them on,
// and the volume of the secret, the volume of the data and the port of Redis replaced.
func inside(words []string, secret string, more ...string) []string {
	replace := strings.NewReplacer(append([]string{"$$", "$", "/secret/", secret + "/"}, more...)...)
	var all []string
	for _, word := range words {
		all = append(all, replace.Replace(word))
	}
	return all
}

func run(ctx context.Context, t *testing.T, words []string, environment ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Env = append(os.Environ(), environment...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// The scripts in compose.yaml, one after the other, with a real Redis.
func TestCompose_APasswordIsMadeOnceAndUsedByAll(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed; ./check installs it")
	}
	c, secret := compose(t), t.TempDir()
	makeSecret := inside(append(c.Services["secret"].Entrypoint, c.Services["secret"].Command...), secret)
	if out, err := run(t.Context(), t, makeSecret); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	password := string(read(t, filepath.Join(secret, "password")))
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(password) {
		t.Fatalf("the password is %q", password)
	}
	if out, err := run(t.Context(), t, makeSecret); err != nil || string(read(t, filepath.Join(secret, "password"))) != password {
		t.Errorf("the second time makes another one (%v)\n%s", err, out)
	}

	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	words := append(inside(c.Services["redis"].Command, secret), "--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir())
	redis := exec.CommandContext(t.Context(), words[0], words[1:]...)
	if err := redis.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = redis.Process.Kill(); _ = redis.Wait() })

	check := c.Services["redis"].Healthcheck.Test[1]
	healthy := inside([]string{"sh", "-c", check}, secret, "redis-cli", "redis-cli -p "+port)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		out, err := run(t.Context(), t, healthy)
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("Redis is not healthy: %v\n%s", err, out)
		}
	}
	if out, _ := run(t.Context(), t, []string{"redis-cli", "-p", port, "ping"}); !strings.Contains(out, "NOAUTH") {
		t.Errorf("without the password Redis says %q", out)
	}

	bin := t.TempDir() // with a causette that says what it was given
	if err := os.WriteFile(filepath.Join(bin, "causette"), []byte("#!/bin/sh\necho $REDIS_URL\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range instances {
		out, err := run(t.Context(), t, inside(c.Services[name].Entrypoint, secret), "PATH="+bin+":"+os.Getenv("PATH"))
		if want := "redis://:" + password + "@redis:6379\n"; err != nil || out != want {
			t.Errorf("%s is given %q, %v", name, out, err)
		}
	}
}
