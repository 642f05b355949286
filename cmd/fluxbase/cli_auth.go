package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

// authAdmin calls a project's auth service as a developer of the project.
type authAdmin struct {
	*session
	base, token string
}

// authOf finds where a project is served, and gets a developer token for it.
func (s *session) authOf(ctx context.Context, ref string) (*authAdmin, error) {
	token, project, err := s.developer(ctx, ref)
	if err != nil {
		return nil, err
	}
	return &authAdmin{session: s, base: project.GetPathUrl() + "/auth/v1", token: token}, nil
}

// call sends body, unless it is nil, as JSON and returns the answer's.
func (a *authAdmin) call(ctx context.Context, method, path string, body any) (json.RawMessage, error) {
	header := http.Header{"Authorization": {"Bearer " + a.token}, "X-Supabase-Api-Version": {"2024-01-01"}}
	var encoded []byte
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		header.Set("Content-Type", "application/json")
	}
	status, answer, err := a.exchange(ctx, method, a.base+path, header, encoded)
	if err != nil {
		return nil, err
	}
	if status < 200 || status > 299 {
		return nil, explainAuth(status, answer)
	}
	return answer, nil
}

var wordEnds = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// reasonOf is the reason that a service of the project tells in a form of its own: no_such_user, or NoSuchKey.
func reasonOf(code string) string { return strings.ToUpper(wordEnds.ReplaceAllString(code, "${1}_$2")) }

// explainAuth makes an error of what the auth service answered.
func explainAuth(status int, answer []byte) error {
	var got struct {
		Code    any    `json:"code"`
		Error   string `json:"error_code"`
		Message string `json:"message"`
		Msg     string `json:"msg"`
		Hint    string `json:"hint"`
	}
	_ = json.Unmarshal(answer, &got) // what is no JSON has no message either
	code, _ := got.Code.(string)
	e := &cliError{
		Code: exitFailure, Reason: reasonOf(firstOf(got.Error, code)), Hint: got.Hint,
		Message: firstOf(got.Message, got.Msg, fmt.Sprintf("The project answered with status %d.", status)),
	}
	switch {
	case status == http.StatusUnauthorized:
		e.Code = exitSignedOut
	case status == http.StatusForbidden:
		e.Code = exitDenied
	case status == http.StatusNotFound:
		e.Code = exitNotFound
	case status == http.StatusConflict || strings.HasSuffix(e.Reason, "_EXISTS"):
		e.Code = exitConflict
	case status == http.StatusTooManyRequests:
		e.Code = exitExhausted
	case status >= http.StatusInternalServerError:
		e.Code = exitUnavailable
	case status >= http.StatusBadRequest:
		e.Code = exitUsage
	}
	return e
}

// onUser makes a command's run function, for arguments REF and USER, out of one that gets the user's id.
func (c *cli) onUser(run func(ctx context.Context, s *session, a *authAdmin, id string) error) func(*cobra.Command, []string) error {
	return c.signedIn(func(ctx context.Context, s *session, args []string) error {
		if _, err := uuid.Parse(args[1]); err != nil && !strings.Contains(args[1], "@") {
			return usageError{fmt.Errorf("%q is neither the id of a user nor an email address", args[1])}
		}
		a, err := s.authOf(ctx, args[0])
		if err != nil {
			return err
		}
		id, err := a.userID(ctx, args[1])
		if err != nil {
			return err
		}
		return run(ctx, s, a, id)
	})
}

// userID is the id of the user that a person named by id or address.
func (a *authAdmin) userID(ctx context.Context, name string) (string, error) {
	if id, err := uuid.Parse(name); err == nil {
		return id.String(), nil
	}
	found, err := a.list(ctx, name, usersPage)
	if err != nil {
		return "", err
	}
	var ids []string
	for _, raw := range found {
		u, err := readUser(raw)
		if err != nil {
			return "", err
		}
		if strings.EqualFold(u.Email, name) {
			ids = append(ids, u.ID)
		}
	}
	switch len(ids) {
	case 0:
		return "", &cliError{Code: exitNotFound, Reason: "USER_NOT_FOUND", Message: fmt.Sprintf("No user of the project has the address %s.", name)}
	case 1:
		return ids[0], nil
	}
	return "", &cliError{Code: exitConflict, Reason: "USER_AMBIGUOUS", Message: fmt.Sprintf("%d users have the address %s; one of them signs in by SSO.", len(ids), name),
		Hint: "Name the user by id: " + strings.Join(ids, ", ")}
}
