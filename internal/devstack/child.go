package devstack

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// supervisor runs a program, and sends it a signal when standard input ends. That happens when this process closes its
// end of the pipe, or dies in whatever way. The program does not hold the pipe.
const supervisor = `
signal=$1; shift
exec 3<&0
"$@" 3<&- </dev/null &
pid=$!
( trap '' HUP INT TERM; while read -r line <&3; do :; done; kill -s "$signal" "$pid" 2>/dev/null ) >/dev/null 2>&1 &
reader=$!
trap '' HUP INT TERM
wait "$pid"; code=$?
kill -s KILL "$reader" 2>/dev/null
exit "$code"
`

// child is a program that ends when this process ends.
type child struct {
	cmd  *exec.Cmd
	pipe io.Closer
	done chan struct{}
	err  error
}

// startChild starts a program that is stopped by a signal ("INT", "TERM"), as another unix user unless as is nil. It
// sees nothing of this process's environment but PATH and the time zone.
func startChild(signal string, as *syscall.Credential, output io.Writer, program string, args ...string) (*child, error) {
	cmd := exec.Command("sh", append([]string{"-c", supervisor, "sh", signal, program}, args...)...) //nolint:noctx // it is asked to end, never cut off
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", output, output
	cmd.Env = cleanEnvironment()
	// Its own process group: Ctrl-C in a terminal asks this process, which stops the child when it is done with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: as}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	c := &child{cmd: cmd, pipe: pipe, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.err = cmd.Wait()
	}()
	return c, nil
}

// stop asks the program to end and waits; after the timeout it is killed with its whole group.
func (c *child) stop(timeout time.Duration) error {
	_ = c.pipe.Close()
	select {
	case <-c.done:
		return nil
	case <-time.After(timeout):
	}
	_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	<-c.done
	return errors.New("it did not end in time and was killed")
}

func cleanEnvironment() []string {
	env := []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
	if zone, ok := os.LookupEnv("TZ"); ok {
		env = append(env, "TZ="+zone)
	}
	return env
}
