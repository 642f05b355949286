// Package imaging makes images of images: in processes of another program, which are bounded and shared fairly, and keeps what was made for a while.
package imaging

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/storage/imaging/job"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// ProgramName is the file of the program that makes images.
const ProgramName = "fluxbase-images"

// PoolDeps are what a Pool needs.
type PoolDeps struct {
	// Program is the path of the program; "" looks beside this one, then in PATH.
	Program string
	// Workers is how many processes run at once; 0 is the number of processors.
	Workers int
	// Memory bounds what one may allocate, Timeout the time for one image.
	Memory  int64
	Timeout time.Duration
	// Idle is how long a process waits for the next job of its project; zero is a minute.
	Idle time.Duration
	// TempDir is where large pictures wait; "" is the system's.
	TempDir string
	Log     *slog.Logger
}

// Pool starts processes when images are asked for, and ends them when none are.
type Pool struct {
	d     PoolDeps
	turns *turns
	files waiting
	// transfer bounds how long a file may take to come.
	transfer time.Duration

	mu       sync.Mutex
	idle     map[*process]bool
	running  map[*process]bool
	starting int
	started  int // since the beginning
	closed   bool
}

// jobsEach is after how many jobs a process makes room for a fresh one.
const jobsEach = 200

// NewPool makes a Pool. It starts nothing.
func NewPool(d PoolDeps) *Pool {
	if d.Workers <= 0 {
		d.Workers = runtime.NumCPU()
	}
	if d.Idle == 0 {
		d.Idle = time.Minute
	}
	return &Pool{d: d, turns: newTurns(d.Workers, max(d.Timeout, time.Second)), transfer: time.Minute, idle: map[*process]bool{}, running: map[*process]bool{},
		files: waiting{bytes: map[string]int64{}}}
}

// program finds the program. It is looked for each time: an operator who installs it needs not start the worker anew.
func (p *Pool) program() (string, error) {
	if p.d.Program != "" {
		if _, err := os.Stat(p.d.Program); err != nil {
			return "", missing(err)
		}
		return p.d.Program, nil
	}
	if own, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(own), ProgramName)
		if info, err := os.Stat(beside); err == nil && !info.IsDir() {
			return beside, nil
		}
	}
	found, err := exec.LookPath(ProgramName)
	if err != nil {
		return "", missing(err)
	}
	return filepath.Abs(found)
}

func missing(err error) error {
	return fault.Wrap(err, fault.Unimplemented, "IMAGE_PROGRAM_MISSING",
		"This server cannot make images: its program fluxbase-images is not there. The operator installs libvips (scripts/deps.sh vips), builds it (make build) and "+
			"puts it beside fluxbase, or names it by storage.image_program.")
}

// make has a picture made, as soon as it is the project's turn. open is called then.
func (p *Pool) make(ctx context.Context, project string, recipe job.Recipe, open func(context.Context) (io.ReadCloser, error)) (*picture, error) {
	if p.files.full(project) {
		return nil, busy()
	}
	program, err := p.program()
	if err != nil {
		return nil, err
	}
	leave, err := p.turns.take(ctx, project)
	if err != nil {
		return nil, err
	}
	defer leave()
	ctx, cancel := context.WithTimeoutCause(ctx, p.transfer+p.d.Timeout, errTimeout)
	defer cancel()
	coming, stop := context.WithTimeoutCause(ctx, p.transfer, errSlow)
	defer stop()
	source, err := open(coming)
	if err != nil {
		return nil, p.fault(coming, project, err)
	}
	defer source.Close()
	file := bufio.NewReaderSize(source, 4<<10)
	if head, err := file.Peek(512); err != nil && !errors.Is(err, io.EOF) {
		return nil, p.fault(coming, project, err)
	} else if job.Sniff(head) == "" {
		return nil, errInvalid
	}
	worker, err := p.take(ctx, program, project)
	if err != nil {
		return nil, err
	}
	result, made, err := worker.do(ctx, recipe, file, p.d.Timeout, p.d.TempDir)
	p.put(worker, err)
	if err != nil {
		return nil, p.fault(coming, project, err)
	}
	if err := outcome(result); err != nil {
		made.release()
		return nil, err
	}
	p.files.hold(project, made)
	return made, nil
}

// take returns an idle process of the project, or starts one.
func (p *Pool) take(ctx context.Context, program, project string) (*process, error) {
	worker, ended, err := p.reserve(project)
	for _, old := range ended {
		old.end()
	}
	if worker != nil || err != nil {
		return worker, err
	}
	worker, err = start(ctx, program, project, p.d.Memory, p.d.Timeout)
	p.mu.Lock()
	p.starting--
	if err == nil {
		p.started++
		p.running[worker] = true
	}
	closed := p.closed
	p.mu.Unlock()
	switch {
	case err == nil && !closed:
		return worker, nil
	case err == nil:
		p.put(worker, nil)
		return nil, errClosed
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	p.d.Log.ErrorContext(ctx, "the program for images does not start", "program", program, "error", err)
	return nil, fault.Wrap(err, fault.Unavailable, "IMAGE_PROGRAM_BROKEN",
		"The program that makes images does not start. The operator finds the reason in the log; \"fluxbase-images -check\" tells it too.")
}

// reserve finds an idle process of the project, or a place for a new one: those that make room for it are to be ended.
func (p *Pool) reserve(project string) (found *process, ended []*process, _ error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, errClosed
	}
	for candidate := range p.idle {
		own := candidate.project == project
		switch {
		case candidate.gone():
		case own && found == nil:
			found = candidate
		case own || len(p.idle)-len(ended)+len(p.running)+p.starting < p.d.Workers:
			continue
		}
		if candidate != found {
			ended = append(ended, candidate)
		}
	}
	if found != nil { // room is needed for none
		ended = slices.DeleteFunc(ended, func(one *process) bool { return !one.gone() })
		p.running[found] = true
		delete(p.idle, found)
		found.idle.Stop()
	} else {
		p.starting++
	}
	for _, one := range ended {
		one.idle.Stop()
		delete(p.idle, one)
	}
	return found, ended, nil
}

var errClosed = fault.New(fault.Unavailable, "SHUTTING_DOWN", "The server is stopping. Try again in a moment.")

// put takes a process back after a job.
func (p *Pool) put(worker *process, err error) {
	broken := (*programError)(nil)
	p.mu.Lock()
	delete(p.running, worker)
	keep := !errors.As(err, &broken) && worker.jobs < jobsEach && !p.closed
	if keep {
		p.idle[worker] = true
		worker.idle = time.AfterFunc(p.d.Idle, func() { p.retire(worker) })
	}
	p.mu.Unlock()
	if !keep {
		worker.end()
	}
}

func (p *Pool) retire(worker *process) {
	p.mu.Lock()
	waits := p.idle[worker]
	delete(p.idle, worker)
	p.mu.Unlock()
	if waits {
		worker.end()
	}
}

// Close ends all processes. Jobs that are under way fail.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	waiting := make([]*process, 0, len(p.idle))
	for worker := range p.idle {
		waiting = append(waiting, worker)
	}
	clear(p.idle)
	for worker := range p.running {
		worker.kill()
	}
	p.mu.Unlock()
	for _, worker := range waiting {
		worker.idle.Stop()
		worker.end()
	}
}

// The reference's words for what it cannot make an image of.
var (
	errInvalid   = fault.New(fault.Invalid, "INVALID_REQUEST", "The source image is invalid or unsupported for rendering")
	errPixels    = fault.New(fault.Invalid, "INVALID_REQUEST", "The source image resolution is too large to process")
	errFile      = fault.New(fault.Invalid, "INVALID_REQUEST", "The source image file is too large to process")
	errResult    = fault.New(fault.Invalid, "INVALID_REQUEST", "The image that was asked for is too large: ask for a smaller width and height, or for a format that compresses better")
	errExpensive = fault.New(fault.Invalid, "INVALID_REQUEST", "The source image takes too much memory to process")
)

// outcome is the fault of a result.
func outcome(r job.Result) error {
	switch r.Code {
	case job.Done:
		return nil
	case job.TooManyPx:
		return errPixels
	case job.TooBig:
		return errFile
	case job.ResultBig:
		return errResult
	case job.Unsupported:
		return errInvalid
	}
	return fault.Wrap(errors.New(string(r.Code)+": "+r.Detail), errInvalid.Kind, errInvalid.Reason, "%s", errInvalid.Message)
}

// fault tells why a process made nothing.
func (p *Pool) fault(ctx context.Context, project string, err error) error {
	broken := (*programError)(nil)
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, errSlow):
		return fault.Wrap(err, fault.Unavailable, "OBJECT_STORE_UNREACHABLE", "The files cannot be reached right now. Try again in a moment.")
	case errors.Is(err, errTimeout), errors.Is(cause, errTimeout):
		return fault.Wrap(err, fault.DeadlineExceeded, "IMAGE_TIMEOUT", "Image request timed out")
	case ctx.Err() != nil:
		return ctx.Err()
	case !errors.As(err, &broken):
		return err // the file could not be read
	}
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return errClosed
	}
	p.d.Log.WarnContext(ctx, "a program for images ended in the middle of an image", "project", project, "error", err)
	return fault.Wrap(err, errExpensive.Kind, errExpensive.Reason, "%s", errExpensive.Message)
}
