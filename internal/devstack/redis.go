package devstack

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/wayli-app/fluxbase/internal/id"
)

// Redis is a Redis that this process runs. What it holds is lost when it stops.
type Redis struct {
	URL  string
	stop func()
}

// Stop ends it.
func (r *Redis) Stop() { r.stop() }

// tick is how often the clock of the Redis in this process moves; miniredis has none of its own.
const tick = 200 * time.Millisecond

// StartRedis starts a Redis in this process, on a free port of 127.0.0.1 and with a password.
func StartRedis() (*Redis, error) {
	server, password := miniredis.NewMiniRedis(), id.NewPassword()
	server.RequireAuth(password)
	if err := server.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("start Redis: %w", err)
	}
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		last := time.Now()
		for {
			select {
			case <-done:
				return
			case now := <-ticker.C:
				server.FastForward(now.Sub(last))
				last = now
			}
		}
	}()
	return &Redis{URL: redisURL(password, server.Addr()), stop: func() {
		close(done)
		<-stopped
		server.Close()
	}}, nil
}

// StartRedisServer starts a redis-server program as a child, without persistence.
func StartRedisServer(ctx context.Context, program, dir string) (*Redis, error) {
	for attempt := 1; ; attempt++ {
		r, err := startRedisServer(ctx, program, dir)
		// Another program may take the port between its choice and its use.
		if err == nil || attempt == 5 || !errors.Is(err, errEnded) {
			return r, err
		}
	}
}

var errEnded = errors.New("redis-server ended")

func startRedisServer(ctx context.Context, program, dir string) (*Redis, error) {
	addr, err := freeAddr(ctx, 0)
	if err != nil {
		return nil, err
	}
	host, port, password := "127.0.0.1", addr[len("127.0.0.1:"):], id.NewPassword()
	file := filepath.Join(dir, "redis.conf")
	text := fmt.Sprintf("bind %s\nport %s\nrequirepass %s\nsave \"\"\nappendonly no\ndir %q\n", host, port, password, dir)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("configure Redis: %w", err)
	}
	server, err := startChild("TERM", nil, nil, program, file)
	if err != nil {
		return nil, err
	}
	stop := func() { _ = server.stop(5 * time.Second) }
	r := &Redis{URL: redisURL(password, addr), stop: stop}
	options, err := redis.ParseURL(r.URL)
	if err != nil {
		stop()
		return nil, err
	}
	options.MaxRetries = -1
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	for deadline := time.Now().Add(10 * time.Second); ; {
		err := client.Ping(ctx).Err()
		if err == nil {
			return r, nil
		}
		select {
		case <-server.done:
			return nil, errors.Join(errEnded, server.err)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			stop()
			return nil, fmt.Errorf("redis-server does not answer: %w", err)
		}
	}
}

func redisURL(password, addr string) string {
	return (&url.URL{Scheme: "redis", User: url.UserPassword("", password), Host: addr, Path: "/0"}).String()
}
