package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wayli-app/fluxbase/internal/testkit"
)

// httpClient bounds every request, streams included.
var httpClient = &http.Client{Timeout: 2 * time.Minute}

// process is the program, running.
type process struct {
	name, url string
	log       string // its file
	cmd       *exec.Cmd
	ended     chan struct{}
}

// start runs the program and waits until it is ready to serve.
func start(dir, name, url string, environment []string, args ...string) (*process, error) {
	p := &process{name: name, url: url, log: filepath.Join(dir, name+".log"), ended: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	p.cmd = exec.Command(binary, args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, out, out
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, environment...)
	p.cmd.SysProcAttr = dieWithParent()
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, out.Close())
	}
	go func() {
		_ = p.cmd.Wait()
		_ = out.Close()
		close(p.ended)
	}()
	if err := p.ready(2 * time.Minute); err != nil {
		p.kill()
		return nil, fmt.Errorf("%s: %w\n%s", name, err, p.output())
	}
	return p, nil
}

// ready waits until /readyz says so. The process tells no one when it is, so this asks again and again.
func (p *process) ready(within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	last := "nothing listened"
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/readyz", nil)
		if err != nil {
			return err
		}
		if answer, err := httpClient.Do(request); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
			last = answer.Status
		}
		select {
		case <-p.ended:
			return fmt.Errorf("ended with %s", p.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("was not ready within %s: %s", within, last)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// kill ends the process as a crash does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// stop asks the process to drain and waits for it.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
		if code := p.cmd.ProcessState.ExitCode(); code != 0 {
			return fmt.Errorf("%s ended with %d\n%s", p.name, code, p.output())
		}
		return nil
	case <-time.After(time.Minute):
		p.kill()
		return fmt.Errorf("%s did not stop\n%s", p.name, p.output())
	}
}

// output is the end of what the process logged.
func (p *process) output() string {
	raw, _ := os.ReadFile(p.log)
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}

// freeAddress finds a port that nothing listens on.
func freeAddress() (string, error) {
	port, err := testkit.FreePort()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), err
}
