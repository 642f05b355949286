// Command projects measures the life of many projects on one machine: how long the command line takes to create one, in
// each isolation, what hundreds of idle ones cost, and how long the first request to a cold one takes. It starts its own
// `fluxbase dev` in a new folder, with every default, and ends it.
//
//	go run ./loadtest/projects -bin bin/fluxbase [-count 50] [-idle 300] [-cold 30]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"time"
)

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "bin/fluxbase", "the binary to measure")
	flag.IntVar(&o.count, "count", 50, "sequential creations of each isolation")
	flag.IntVar(&o.idle, "idle", 300, "projects that stand idle, those of the first measurement included")
	flag.IntVar(&o.cold, "cold", 30, "cold projects whose first request is timed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := measure(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "projects:", err)
		os.Exit(1)
	}
}

type options struct {
	bin               string
	count, idle, cold int
}

// project is what `projects create --wait --output json` printed of it, as far as it is used here.
type project struct {
	Ref            string `json:"ref"`
	PathURL        string `json:"path_url"`
	PublishableKey string `json:"publishable_key"`
	Status         string `json:"status"`
}

func measure(ctx context.Context, o options) (err error) {
	s, err := start(ctx, o.bin)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop(), os.RemoveAll(s.folder)) }()
	fmt.Printf("first start to ready                     %v\n", s.startTook.Round(time.Millisecond))
	if err := s.signUp(ctx); err != nil {
		return err
	}
	empty := s.memory()
	var projects []project
	for _, isolation := range []string{"database", "schema"} {
		made, err := s.createTimed(ctx, isolation, o.count)
		if err != nil {
			return err
		}
		projects = append(projects, made...)
	}
	cold, err := s.prepareCold(ctx, projects, o.cold)
	if err != nil {
		return err
	}
	for i := len(projects); i < o.idle; i++ {
		if _, err := s.create(ctx, fmt.Sprintf("idle %d", i), []string{"database", "schema"}[i%2]); err != nil {
			return err
		}
	}
	took, err := s.waitIdle(ctx, 2*time.Minute)
	if err != nil {
		return err
	}
	fmt.Printf("no connection of any project after       %v\n", took.Round(time.Second))
	fmt.Printf("memory of fluxbase dev, no project       %d MiB\n", empty>>20)
	fmt.Printf("memory of fluxbase dev, %d idle         %d MiB\n", max(o.idle, len(projects)), s.memory()>>20)
	if err := s.timeCold(ctx, "first request to an idle project", cold); err != nil {
		return err
	}
	return s.measureRestarted(ctx, cold)
}

// measureRestarted starts everything again, so that the worker knows no project, and then a worker by itself.
func (s *stack) measureRestarted(ctx context.Context, cold []project) error {
	if err := s.stop(); err != nil {
		return err
	}
	if err := s.launch(ctx); err != nil {
		return err
	}
	fmt.Printf("later start to ready                     %v\n", s.startTook.Round(time.Millisecond))
	return s.timeCold(ctx, "first request after a restart", cold)
}

func report(what string, times []time.Duration) {
	slices.Sort(times)
	at := func(q float64) time.Duration { return times[int(q*float64(len(times)-1))].Round(time.Millisecond / 10) }
	fmt.Printf("%-40s p50 %v  p95 %v  max %v  (n=%d)\n", what, at(0.5), at(0.95), at(1), len(times))
}
