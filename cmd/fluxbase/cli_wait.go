package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/sync/errgroup"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
)

// reconnectAfter is the pause before a broken stream is opened again.
const reconnectAfter = 500 * time.Millisecond

// statusOf is a project's status as people and scripts see it, for example "ACTIVE".
func statusOf(p *controlplanev1.Project) string {
	return p.GetStatus().String()[len("PROJECT_STATUS_"):]
}

// settle follows a project until it has the wanted status, and one that is to be active until it answers. It fails when the project does, and when
// time is up.
func (s *session) settle(ctx context.Context, p *controlplanev1.Project, wanted controlplanev1.ProjectStatus, limit time.Duration) (*controlplanev1.Project, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	p, err := s.reach(ctx, p, wanted, limit)
	if err != nil || wanted != controlplanev1.ProjectStatus_PROJECT_STATUS_ACTIVE || p.GetPathUrl() == "" {
		return p, err
	}
	return p, s.answers(ctx, p, limit)
}

// askAgain is the pause between questions whether a project answers, unreached for how long its address may be out of reach: it need not be in reach of
// whoever waits.
const (
	askAgain  = 100 * time.Millisecond
	unreached = 5 * time.Second
)

// answers waits until a worker serves a project: it learns a moment after the control plane that the project is active.
func (s *session) answers(ctx context.Context, p *controlplanev1.Project, limit time.Duration) error {
	began := time.Now()
	for {
		status, _, err := s.exchange(ctx, http.MethodGet, p.GetPathUrl()+"/storage/v1/status", nil, nil)
		switch {
		case ctx.Err() != nil:
			return &cliError{Code: exitUnavailable, Reason: "WAIT_TIMEOUT",
				Message: fmt.Sprintf("Project %s is %s, and does not answer after %s.", p.GetRef(), statusOf(p), limit), Hint: "Are workers running, and do they reach the control plane?"}
		case err != nil && time.Since(began) > unreached:
			s.say("The project is active. Its address cannot be reached from here: %s.", p.GetPathUrl())
			return nil
		case err == nil && status != http.StatusServiceUnavailable && status != http.StatusNotFound && status != http.StatusGone:
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(askAgain):
		}
	}
}

// reach follows a project until it has the wanted status. A broken stream, as by a restart of the control plane, is opened again.
func (s *session) reach(ctx context.Context, p *controlplanev1.Project, wanted controlplanev1.ProjectStatus, limit time.Duration) (*controlplanev1.Project, error) {
	shown := map[string]bool{}
	for {
		last, err := s.follow(ctx, p, wanted, shown)
		if last != nil {
			p = last
		}
		switch {
		case err == nil && p.GetStatus() == wanted:
			return p, nil
		case err == nil && p.GetStatus() == controlplanev1.ProjectStatus_PROJECT_STATUS_FAILED:
			return nil, &cliError{Code: exitFailure, Reason: "PROJECT_FAILED",
				Message: "Project " + p.GetRef() + " failed: " + firstOf(p.GetFailureMessage(), "no reason was given") + ".",
				Hint:    "When the cause is mended, run \"fluxbase projects retry " + p.GetRef() + " --wait\"."}
		case ctx.Err() != nil:
			return nil, &cliError{Code: exitUnavailable, Reason: "WAIT_TIMEOUT",
				Message: fmt.Sprintf("Project %s is %s after %s.", p.GetRef(), statusOf(p), limit),
				Hint:    "It goes on; \"fluxbase projects get " + p.GetRef() + "\" shows how far it is."}
		case err != nil && !slices.Contains([]connect.Code{connect.CodeUnavailable, connect.CodeDeadlineExceeded}, connect.CodeOf(err)) && connect.IsWireError(err):
			return nil, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(reconnectAfter):
		}
	}
}

// follow reads one stream of a project's changes until the wanted status, failure, or the stream's end.
func (s *session) follow(ctx context.Context, p *controlplanev1.Project, wanted controlplanev1.ProjectStatus, shown map[string]bool) (*controlplanev1.Project, error) {
	if p.GetStatus() == wanted {
		return p, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.projects().WatchProject(ctx, &controlplanev1.WatchProjectRequest{Ref: p.GetRef()})
	if err != nil {
		return nil, err
	}
	defer stream.Close() //nolint:errcheck // its error is told by Err
	var last *controlplanev1.Project
	for stream.Receive() {
		last = stream.Msg().GetProject()
		s.showSteps(last, shown)
		if status := last.GetStatus(); status == wanted || status == controlplanev1.ProjectStatus_PROJECT_STATUS_FAILED {
			return last, nil
		}
	}
	return last, stream.Err()
}

// showSteps tells a person at a terminal what was done since the last time.
func (s *session) showSteps(p *controlplanev1.Project, shown map[string]bool) {
	if !terminal(s.err) {
		return
	}
	for _, step := range p.GetSteps() {
		line := ""
		switch step.GetStatus() {
		case controlplanev1.StepStatus_STEP_STATUS_DONE:
			line = "  ✓ " + step.GetName()
			if start, end := step.GetStartTime(), step.GetFinishTime(); start != nil && end != nil {
				line += fmt.Sprintf(" (%d ms)", end.AsTime().Sub(start.AsTime()).Milliseconds())
			}
		case controlplanev1.StepStatus_STEP_STATUS_RETRYING:
			line = "  … " + step.GetName() + ": " + step.GetMessage() + "; trying again"
		case controlplanev1.StepStatus_STEP_STATUS_FAILED:
			line = "  ✗ " + step.GetName() + ": " + step.GetMessage()
		}
		if line != "" && !shown[line] {
			shown[line] = true
			_, _ = fmt.Fprintln(s.err, printable(line))
		}
	}
}

// accessJSON is what "projects create --wait" prints: all that an app and its developer need.
type accessJSON struct {
	Ref            string `json:"ref"`
	URL            string `json:"url"`
	PathURL        string `json:"path_url"`
	PublishableKey string `json:"publishable_key"`
	SecretKey      string `json:"secret_key"`
	AnonKey        string `json:"anon_key"`
	ServiceRoleKey string `json:"service_role_key"`
	JWTSecret      string `json:"jwt_secret"`
	DatabaseURL    string `json:"database_url"`
	Status         string `json:"status"`
}

// printAccess fetches a new project's keys and logins and prints them.
func (s *session) printAccess(ctx context.Context, p *controlplanev1.Project) error {
	out := accessJSON{Ref: p.GetRef(), URL: p.GetUrl(), PathURL: p.GetPathUrl(), Status: statusOf(p)}
	var info *controlplanev1.GetConnectionInfoResponse
	work, workCtx := errgroup.WithContext(ctx)
	work.Go(func() (err error) {
		info, err = s.projects().GetConnectionInfo(workCtx, &controlplanev1.GetConnectionInfoRequest{Ref: p.GetRef()})
		return err
	})
	work.Go(func() (err error) {
		out.PublishableKey, out.SecretKey, err = s.firstKeys(workCtx, p.GetRef())
		return err
	})
	if err := work.Wait(); err != nil {
		return fmt.Errorf("project %s is active, but its keys could not be read: %w", p.GetRef(), err)
	}
	out.AnonKey, out.ServiceRoleKey, out.JWTSecret = info.GetAnonKey(), info.GetServiceRoleKey(), info.GetJwtSecret()
	out.DatabaseURL = info.GetDatabaseUrl()
	return s.print(out, [][]string{{"REF", out.Ref}, {"URL", out.URL}, {"PATH URL", out.PathURL}, {"PUBLISHABLE KEY", out.PublishableKey},
		{"SECRET KEY", out.SecretKey}, {"ANON KEY", out.AnonKey}, {"SERVICE ROLE KEY", out.ServiceRoleKey}, {"JWT SECRET", out.JWTSecret},
		{"DATABASE URL", firstOf(out.DatabaseURL, "none with isolation schema")}, {"STATUS", out.Status}})
}

// firstKeys reveals the two keys that provisioning made.
func (s *session) firstKeys(ctx context.Context, ref string) (publishable, secret string, err error) {
	keys, err := s.allKeys(ctx, ref)
	if err != nil {
		return "", "", err
	}
	for _, k := range keys {
		switch {
		case k.GetType() == controlplanev1.KeyType_KEY_TYPE_PUBLISHABLE:
			publishable = k.GetDisplay()
		case k.GetRevealable():
			shown, err := s.keys().RevealKey(ctx, &controlplanev1.RevealKeyRequest{Ref: ref, KeyId: k.GetId()})
			if err != nil {
				return "", "", err
			}
			secret = shown.GetValue()
		}
	}
	if publishable == "" || secret == "" {
		return "", "", errors.New("provisioning left no keys")
	}
	return publishable, secret, nil
}
