package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
)

// stack is a running `fluxbase dev`, and the command line signed in to it.
type stack struct {
	bin, folder, address string
	process              *exec.Cmd
	startTook            time.Duration
}

const organization = "bench"

func start(ctx context.Context, bin string) (*stack, error) {
	folder, err := os.MkdirTemp("", "fluxbase-projects-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(folder, 0o755); err != nil { // Postgres runs as another user when this runs as root
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &stack{bin: bin, folder: folder, address: listener.Addr().String()}
	if err := listener.Close(); err != nil {
		return nil, err
	}
	return s, s.launch(ctx)
}

func (s *stack) launch(ctx context.Context) error {
	logs, err := os.Create(filepath.Join(s.folder, "log"))
	if err != nil {
		return err
	}
	begin := time.Now()
	s.process = exec.Command(s.bin, "dev", "--listen", s.address, "--data-dir", filepath.Join(s.folder, "data"))
	s.process.Env = append(os.Environ(), "FLUXBASE_METRICS_LISTEN=")
	s.process.Stdout, s.process.Stderr = logs, logs
	if err := s.process.Start(); err != nil {
		return err
	}
	err = poll(ctx, time.Minute, 20*time.Millisecond, func() bool {
		answer, err := http.Get(s.url() + "/readyz")
		if err != nil {
			return false
		}
		return answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
	})
	if err != nil {
		said, _ := os.ReadFile(logs.Name())
		return fmt.Errorf("fluxbase dev is not ready: %w; it said:\n%s", err, said)
	}
	s.startTook = time.Since(begin)
	return nil
}

func (s *stack) url() string { return "http://" + s.address }

func (s *stack) stop() error {
	if s.process == nil {
		return nil
	}
	process := s.process
	s.process = nil
	if err := process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return process.Wait()
}

// run runs the command line and returns what it printed.
func (s *stack) run(ctx context.Context, stdin string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, s.bin, args...)
	cmd.Env = append(os.Environ(), "FLUXBASE_URL="+s.url(), "XDG_CONFIG_HOME="+s.folder)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil, fmt.Errorf("fluxbase %s: %w: %s", strings.Join(args, " "), err, exit.Stderr)
	}
	return out, err
}

// signUp makes the first account, which is the operator, and an organisation without limits.
func (s *stack) signUp(ctx context.Context) error {
	if _, err := s.run(ctx, "correct horse battery\n", "signup", "--email", "bench@example.com", "--password-stdin"); err != nil {
		return err
	}
	if _, err := s.run(ctx, "", "orgs", "create", "Bench", "--slug", organization); err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(s.folder, "fluxbase", "profiles.json"))
	if err != nil {
		return err
	}
	var saved struct {
		Profiles map[string]struct{ Token string }
	}
	if err := json.Unmarshal(raw, &saved); err != nil {
		return err
	}
	client := controlplanev1connect.NewOrganizationServiceClient(http.DefaultClient, s.url(), connect.WithInterceptors(bearer(saved.Profiles[s.url()].Token)))
	_, err = client.UpdateOrganization(ctx, &controlplanev1.UpdateOrganizationRequest{
		Organization: organization, Plan: "unlimited", UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"plan"}},
	})
	return err
}

func bearer(token string) connect.UnaryInterceptorFunc {
	return func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
			request.Header().Set("Authorization", "Bearer "+token)
			return next(ctx, request)
		}
	}
}

func (s *stack) create(ctx context.Context, name, isolation string) (project, error) {
	var p project
	out, err := s.run(ctx, "", "projects", "create", name, "--org", organization, "--isolation", isolation, "--wait", "--output", "json")
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(out, &p); err != nil {
		return p, fmt.Errorf("read %q: %w", out, err)
	}
	if !strings.EqualFold(p.Status, "active") {
		return p, fmt.Errorf("project %s is %s", p.Ref, p.Status)
	}
	return p, nil
}

func (s *stack) createTimed(ctx context.Context, isolation string, count int) ([]project, error) {
	var made []project
	var times []time.Duration
	for i := range count {
		begin := time.Now()
		p, err := s.create(ctx, fmt.Sprintf("%s %d", isolation, i), isolation)
		if err != nil {
			return nil, err
		}
		times, made = append(times, time.Since(begin)), append(made, p)
	}
	report("projects create --wait, "+isolation, times)
	return made, nil
}

// prepareCold gives some projects of both isolations a table with a row that anybody may read.
func (s *stack) prepareCold(ctx context.Context, projects []project, count int) ([]project, error) {
	const table = `create table notes (id int primary key, body text); insert into notes values (1, 'first');
		alter table notes enable row level security; create policy read on notes for select using (true); grant select on notes to anon`
	var cold []project
	for i := 0; i < len(projects) && len(cold) < count; i += max(1, len(projects)/count) {
		if _, err := s.run(ctx, table, "sql", "--project", projects[i].Ref, "-"); err != nil {
			return nil, err
		}
		cold = append(cold, projects[i])
	}
	return cold, nil
}

// waitIdle waits until no connection of a project is left, and says how long that took.
func (s *stack) waitIdle(ctx context.Context, limit time.Duration) (time.Duration, error) {
	begin := time.Now()
	err := poll(ctx, limit, time.Second, func() bool { return connections() == 0 })
	return time.Since(begin), err
}

// connections counts the server processes that Postgres runs for projects' logins, by the titles that it gives them.
func connections() int {
	titles, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	count := 0
	for _, file := range titles {
		title, _ := os.ReadFile(file)
		if bytes.HasPrefix(title, []byte("postgres: ")) && (bytes.Contains(title, []byte("_authenticator ")) ||
			bytes.Contains(title, []byte("_admin ")) || bytes.Contains(title, []byte("_storage ")) || bytes.Contains(title, []byte("_owner "))) {
			count++
		}
	}
	return count
}

// memory is the resident memory of the process, in bytes.
func (s *stack) memory() int64 {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	for line := range strings.Lines(string(raw)) {
		if kib, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(kib), " kB"), 10, 64)
			return n << 10
		}
	}
	return 0
}

func (s *stack) timeCold(ctx context.Context, what string, cold []project) error {
	var times []time.Duration
	for _, p := range cold {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.PathURL+"/rest/v1/notes?select=body&id=eq.1", nil)
		if err != nil {
			return err
		}
		request.Header.Set("apikey", p.PublishableKey)
		begin := time.Now()
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(answer.Body)
		times = append(times, time.Since(begin))
		if err = errors.Join(err, answer.Body.Close()); err != nil {
			return err
		}
		if answer.StatusCode != http.StatusOK || !bytes.Contains(body, []byte("first")) {
			return fmt.Errorf("project %s answered %s: %s", p.Ref, answer.Status, body)
		}
	}
	report(what, times)
	return nil
}

func poll(ctx context.Context, limit, every time.Duration, done func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("nothing within %v", limit))
	defer cancel()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
