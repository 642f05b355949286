// Command fluxbase-images makes images of others for "fluxbase": it reads jobs on its standard input and answers on its standard output,
// in a sandbox of its own, so that a file made to break libvips breaks nothing else. It is started by a worker, not by people.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

// version is set by the build: -ldflags "-X main.version=v1.2.3".
var version = "unknown"

// limits are what the worker gives the program.
type limits struct {
	// memory bounds what is allocated once the program is ready, in bytes; 0 is no bound.
	memory int64
	// processor bounds the processor's time for one job; 0 is no bound.
	processor time.Duration
}

func main() {
	var l limits
	flags := flag.NewFlagSet("fluxbase-images", flag.ContinueOnError)
	flags.Int64Var(&l.memory, "memory", 0, "bytes that may be allocated")
	flags.DurationVar(&l.processor, "processor", 0, "processor time for one image")
	check := flags.Bool("check", false, "say what can be read and written, and exit")
	inside := flags.Bool("inside", false, "with -check: be the process that is asked")
	if err := flags.Parse(os.Args[1:]); err != nil {
		os.Exit(2)
	}
	work := func() error { return serve(l) }
	switch {
	case *check && *inside:
		work = func() error { return reportInside(os.Stdout) }
	case *check:
		work = func() error { return report(os.Stdout) }
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, "fluxbase-images:", err)
		os.Exit(1)
	}
}
