//go:build vips && cgo

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/wayli-app/fluxbase/dataplane/storage/imaging/job"
)

// serve takes jobs until the worker closes the pipe.
func serve(l limits) error {
	runtime.LockOSThread()
	debug.SetGCPercent(50)
	answers, err := takeOutput()
	if err != nil {
		return err
	}
	if err := begin(); err != nil {
		return err
	}
	if err := enclose(l.memory); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	over := make(chan os.Signal, 1)
	signal.Notify(over, syscall.SIGXCPU)
	go func() {
		<-over
		fmt.Fprintln(os.Stderr, "fluxbase-images: the processor's time for one image is over")
		os.Exit(1)
	}()
	if _, err := io.WriteString(answers, job.Ready); err != nil {
		return err
	}
	in := bufio.NewReaderSize(os.Stdin, 64<<10)
	for {
		if err := one(in, answers, l); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// one does one job.
func one(in io.Reader, answers io.Writer, l limits) error {
	recipe, err := job.ReadRecipe(in)
	if err != nil {
		return err
	}
	if err := boundProcessor(l.processor); err != nil {
		return err
	}
	input, err := job.ReadInput(in)
	var result job.Result
	var made []byte
	switch {
	case errors.Is(err, job.ErrGivenUp):
		result.Code = job.Incomplete
	case errors.Is(err, job.ErrTooBig):
		result.Code = job.TooBig
	case err != nil:
		return err
	default:
		result, made = render(input, recipe)
	}
	err = job.WriteResult(answers, result, made)
	debug.FreeOSMemory() // waiting for the next job costs little
	return err
}
