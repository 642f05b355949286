package project

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	relistenAfter = time.Second
	// silence is how long nothing is heard before the connection is asked whether it lives.
	silence = 30 * time.Second
)

// Changes hears of changes of projects and their steps over one connection for the whole process, and wakes whoever waits
// for one.
type Changes struct {
	config *pgx.ConnConfig
	log    *slog.Logger
	ended  chan struct{}

	mu      sync.Mutex
	waiting map[string]map[chan struct{}]struct{}
}

// NewChanges makes a Changes that will listen at the control database.
func NewChanges(config *pgx.ConnConfig, log *slog.Logger) *Changes {
	return &Changes{config: config.Copy(), log: log, ended: make(chan struct{}), waiting: map[string]map[chan struct{}]struct{}{}}
}

// Subscribe returns a channel that is signalled when the project of ref may have changed. Signals that were not yet taken
// are one. Call stop when done.
func (c *Changes) Subscribe(ref string) (changed <-chan struct{}, stop func()) {
	signal := make(chan struct{}, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting[ref] == nil {
		c.waiting[ref] = map[chan struct{}]struct{}{}
	}
	c.waiting[ref][signal] = struct{}{}
	return signal, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.waiting[ref], signal)
		if len(c.waiting[ref]) == 0 {
			delete(c.waiting, ref)
		}
	}
}

// Ended is closed when Run ends: streams should end then too.
func (c *Changes) Ended() <-chan struct{} { return c.ended }

// Run listens until ctx ends, connecting anew when the connection is lost. Call it once.
func (c *Changes) Run(ctx context.Context) error {
	defer close(c.ended)
	for {
		err := c.listen(ctx)
		if ctx.Err() != nil {
			return nil
		}
		c.log.WarnContext(ctx, "listening for changes of projects failed; trying again", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(relistenAfter):
		}
	}
}

func (c *Changes) listen(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, c.config)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "listen project_change; listen project_step"); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	c.wakeAll() // whatever happened while nobody listened
	for {
		wait, cancel := context.WithTimeout(ctx, silence)
		heard, err := conn.WaitForNotification(wait)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			if err := conn.Ping(ctx); err != nil {
				return fmt.Errorf("ping: %w", err)
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("wait: %w", err)
		}
		ref, _, _ := strings.Cut(heard.Payload, " ")
		c.wake(ref)
	}
}

func (c *Changes) wake(ref string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	signalAll(c.waiting[ref])
}

func (c *Changes) wakeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, signals := range c.waiting {
		signalAll(signals)
	}
}

func signalAll(signals map[chan struct{}]struct{}) {
	for s := range signals {
		select {
		case s <- struct{}{}:
		default:
		}
	}
}
