package systems

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"causette/bench/load"
	"causette/bench/proc"
)

// nginx is where Debian's program and its nchan module are.
type nginx struct{ program, module string }

// nchan is the module for nginx, as Debian has it, with its EventSource.
func nchan(withRedis bool) *System {
	s := &System{Key: "nchan", Name: "nchan 1.3 (nginx, C), memory", Kind: Rival, Redis: withRedis, Stores: true}
	if withRedis {
		s.Key, s.Name = "nchan-redis", "nchan 1.3, Redis"
	}
	var found nginx
	s.prepare = func(ctx context.Context, shop *Shop) (err error) {
		found, err = findNginx(ctx, shop)
		return err
	}
	s.start = func(ctx context.Context, shop *Shop, setting Setting) (*Server, error) {
		address, port, err := freeAddress(ctx)
		if err != nil {
			return nil, err
		}
		dir, err := shop.scratch("nginx")
		if err != nil {
			return nil, err
		}
		config := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(config, []byte(nchanConfig(found.module, dir, port, setting.Redis)), 0o600); err != nil {
			return nil, err
		}
		cmd := exec.CommandContext(ctx, found.program, "-p", dir, "-c", config, "-e", filepath.Join(dir, "error.log"))
		cmd.Env = proc.Environment()
		p, err := proc.Start(ctx, s.Name, cmd)
		return &Server{
			Address: address, Process: p,
			Reader:  reader(load.Get("/events?room="+load.RoomSlot, eventStream), ""),
			Publish: load.Post("/messages?room="+load.RoomSlot, "application/json", event(27)),
		}, err
	}
	return s
}

// findNginx finds nginx and the module, or gets their packages from Debian and
// unpacks them into the cache, which needs no rights and changes nothing.
func findNginx(ctx context.Context, shop *Shop) (nginx, error) {
	dir, err := shop.cached("nchan")
	if err != nil {
		return nginx{}, err
	}
	found := func(path string) string {
		for _, prefix := range []string{"/", dir} {
			if file := filepath.Join(prefix, path); exists(file) {
				return file
			}
		}
		return ""
	}
	const program, module = "usr/sbin/nginx", "usr/lib/nginx/modules/ngx_nchan_module.so"
	var missing []string
	if found(program) == "" {
		missing = append(missing, "nginx")
	}
	if found(module) == "" {
		missing = append(missing, "libnginx-mod-nchan")
	}
	for _, name := range missing {
		script := `apt-get download -q "$1" && dpkg-deb -x "$1"_*.deb . && rm "$1"_*.deb`
		cmd := exec.CommandContext(ctx, "sh", "-c", script, "sh", name)
		cmd.Dir, cmd.Env = dir, proc.Environment()
		if _, err := proc.Run(ctx, "apt-get download "+name, cmd); err != nil {
			return nginx{}, fmt.Errorf("%w (Debian 12 has it; after apt-get update?)", err)
		}
	}
	n := nginx{found(program), found(module)}
	if n.program == "" || n.module == "" {
		return n, errors.New("nginx or its nchan module is not where Debian puts it")
	}
	return n, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// nchanConfig is one worker that keeps what Causette keeps. Only what would keep
// it from 19,000 readers, or is about files, is not a default.
func nchanConfig(module, dir, port, redis string) string {
	user, upstream, pass := "", "", ""
	if os.Getuid() == 0 {
		user = "user root;" // its files are in a directory of ours
	}
	if redis != "" {
		upstream = fmt.Sprintf("upstream store { nchan_redis_server redis://%s; }", redis)
		pass = "nchan_redis_pass store;"
	}
	return fmt.Sprintf(`load_module %s;
%s
daemon off;
pid %s/nginx.pid;
worker_processes 1;
worker_rlimit_nofile 20000;
events { worker_connections 19900; }
http {
  access_log off;
  client_body_temp_path %[3]s/body; proxy_temp_path %[3]s/proxy; fastcgi_temp_path %[3]s/fastcgi;
  uwsgi_temp_path %[3]s/uwsgi; scgi_temp_path %[3]s/scgi;
  keepalive_requests 1000000000;
  nchan_message_buffer_length 10000; nchan_message_timeout 1h;
  nchan_shared_memory_size 512M;
  %[5]s
  server {
    listen 127.0.0.1:%[4]s backlog=65535;
    location = /messages { nchan_publisher; nchan_channel_id $arg_room; %[6]s }
    location = /events { nchan_subscriber eventsource; nchan_subscriber_first_message newest; nchan_channel_id $arg_room; %[6]s }
  }
}
`, module, user, dir, port, upstream, pass)
}
