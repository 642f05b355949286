package imaging

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/storage/imaging/job"
)

// process is a running program for images. It serves one project only: what a hostile file may have done to it is that project's own.
type process struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	answers *os.File // what out reads
	words   *tail
	project string
	jobs    int
	idle    *time.Timer
	kill    func()
	done    chan struct{} // closed when the process has ended
}

// startTime bounds how long a program may take to be ready.
const startTime = 15 * time.Second

// start starts the program, in an empty environment, and waits until it is ready.
func start(ctx context.Context, program, project string, memory int64, timeout time.Duration) (*process, error) {
	command := exec.Command(program, "-memory", strconv.FormatInt(memory, 10), "-processor", timeout.String()) //nolint:noctx // it outlives the request
	command.Dir = "/"
	command.Env = []string{"LC_ALL=C", "HOME=/", "MALLOC_ARENA_MAX=2", "GOMAXPROCS=2"}
	if path := os.Getenv("LD_LIBRARY_PATH"); path != "" { // where an operator keeps libvips
		command.Env = append(command.Env, "LD_LIBRARY_PATH="+path)
	}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the terminal's signals are the worker's business
	command.WaitDelay = time.Second
	p := &process{command: command, words: &tail{}, project: project, done: make(chan struct{})}
	command.Stderr = p.words
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	// Not command.StdoutPipe: what a program said before it ended is to be read after it.
	out, itsEnd, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	command.Stdout = itsEnd
	err = command.Start()
	itsEnd.Close()
	if err != nil {
		out.Close()
		return nil, err
	}
	p.in, p.out, p.answers = in, bufio.NewReaderSize(out, 64<<10), out
	p.kill = sync.OnceFunc(func() { // with all that it may have started
		if syscall.Kill(-command.Process.Pid, syscall.SIGKILL) != nil {
			_ = command.Process.Kill()
		}
		_ = out.SetReadDeadline(time.Unix(0, 0)) // whoever waits for an answer need not
	})
	go func() {
		_ = command.Wait()
		close(p.done)
	}()
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	stop := context.AfterFunc(ctx, p.kill)
	ready := make([]byte, len(job.Ready))
	_, err = io.ReadFull(p.out, ready)
	if !stop() || err != nil || string(ready) != job.Ready {
		p.end()
		return nil, errors.Join(fmt.Errorf("%s did not become ready: %s", program, p.words), context.Cause(ctx), err)
	}
	return p, nil
}

// end kills the process and waits until it is gone.
func (p *process) end() {
	p.kill()
	<-p.done
	p.answers.Close()
}

// gone reports whether it has ended by itself.
func (p *process) gone() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// programError says that the process ended or spoke nonsense: it is of no use any more.
type programError struct {
	err   error
	words string
}

// Error is for the log.
func (e *programError) Error() string {
	return fmt.Sprintf("the program ended: %v: %s", e.err, e.words)
}

// Unwrap returns the cause.
func (e *programError) Unwrap() error { return e.err }

// do has one picture made. The process is of use afterwards unless the error is a *programError.
func (p *process) do(ctx context.Context, recipe job.Recipe, source io.Reader, timeout time.Duration, tempDir string) (job.Result, *picture, error) {
	p.jobs++
	unusable := func(err error) (job.Result, *picture, error) {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return job.Result{}, nil, &programError{err: err, words: p.words.String()}
	}
	// The file is read within the time of the request; the image is made within its own.
	stop := context.AfterFunc(ctx, p.kill)
	if err := job.WriteRecipe(p.in, recipe); err != nil {
		stop()
		return unusable(err)
	}
	read, err := job.SendInput(p.in, source)
	if !stop() || err != nil {
		return unusable(errors.Join(err, read))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
	defer cancel()
	stop = context.AfterFunc(ctx, p.kill)
	result, err := job.ReadResult(p.out)
	var made *picture
	if err == nil {
		made, err = keep(p.out, result.Size, result.MIME, tempDir)
	}
	if !stop() || err != nil {
		if made != nil {
			made.release()
		}
		return unusable(err)
	}
	if read != nil {
		made.release()
		return result, nil, fmt.Errorf("read the file: %w", read)
	}
	return result, made, nil
}

var (
	errTimeout = errors.New("the image took too long")
	errSlow    = errors.New("the file took too long to come")
)

// tail keeps the last of what a program says.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const maxTail = 2 << 10

// Write keeps the end.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if over := len(t.buf) - maxTail; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(b), nil
}

// String is what was said last.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
