// Package hook asks a project's own code: a function in its database, or a server that it runs. Requests to servers are signed after Standard Webhooks
// (https://www.standardwebhooks.com), and what both are given and answer follows Supabase's auth hooks.
package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/egress"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// The hooks, as in setting.Hooks.
const (
	CustomAccessToken = "custom_access_token"
	SendEmail         = "send_email"
	SendSMS           = "send_sms"
	MFAVerification   = "mfa_verification_attempt"
	Password          = "password_verification_attempt"
	BeforeUserCreated = "before_user_created"
)

const (
	functionTimeout = 2 * time.Second
	requestTimeout  = 5 * time.Second
	maxPayload      = 200 << 10
)

var (
	errTimeout     = fault.New(fault.FailedPrecondition, "HOOK_TIMEOUT", "The project's hook did not answer in time.")
	errRetried     = fault.New(fault.FailedPrecondition, "HOOK_TIMEOUT_AFTER_RETRY", "The project's hook was not ready, also when asked again.")
	errTooLarge    = fault.New(fault.FailedPrecondition, "HOOK_PAYLOAD_OVER_SIZE_LIMIT", "The project's hook answered with more than %d bytes.", maxPayload)
	errContentType = fault.New(fault.Invalid, "HOOK_PAYLOAD_INVALID_CONTENT_TYPE", "The project's hook answered with something else than application/json.")
)

// Deps are what a caller needs.
type Deps struct {
	// Egress guards requests; Client is made of it when nil.
	Egress *egress.Guard
	Client *http.Client
}

// Caller calls the hooks of every project.
type Caller struct {
	egress *egress.Guard
	client *http.Client
	// pause is what is waited before a server that asked for it is tried again.
	pause time.Duration
}

// New makes a caller.
func New(d Deps) *Caller {
	if d.Client == nil {
		d.Client = d.Egress.Client(requestTimeout)
	}
	return &Caller{egress: d.Egress, client: d.Client, pause: time.Second}
}

// Enabled tells whether the project has switched a hook on.
func (*Caller) Enabled(p *directory.Project, name string) bool {
	return setting.Get[bool](p.Settings, "auth.hook."+name+".enabled") && setting.Get[string](p.Settings, "auth.hook."+name+".uri") != ""
}

// Call gives input to a hook, and decodes its answer into output, which may be nil. A hook refuses by answering
// {"error": {"http_code": 403, "message": "…"}}: that message is the user's to see. No transaction may be open.
func (c *Caller) Call(ctx context.Context, session *projectdb.Session, name string, input, output any) error {
	payload, err := json.Marshal(input)
	if err != nil {
		return fmt.Errorf("encode input of hook %s: %w", name, err)
	}
	u, err := url.Parse(setting.Get[string](session.Project.Settings, "auth.hook."+name+".uri"))
	if err != nil {
		return fault.Wrap(err, fault.Internal, "HOOK_INVALID", "The project's hook %s has no valid address.", name)
	}
	var answer []byte
	if u.Scheme == "pg-functions" {
		answer, err = callFunction(ctx, session, name, u, payload)
	} else {
		answer, err = c.request(ctx, u.String(), setting.Get[string](session.Project.Settings, "auth.hook."+name+".secrets"), payload)
	}
	if err != nil {
		return err
	}
	return decide(name, answer, output)
}

// decide looks for a refusal in the answer, and decodes it otherwise.
func decide(name string, answer []byte, output any) error {
	if len(answer) == 0 || string(answer) == "null" {
		answer = []byte("{}")
	}
	var refusal struct {
		Error *struct {
			Code    int    `json:"http_code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(answer, &refusal); err != nil {
		return fault.Wrap(err, fault.Internal, "HOOK_INVALID", "The project's hook %s answered with no JSON object.", name)
	}
	if e := refusal.Error; e != nil && (e.Message != "" || e.Code != 0) {
		return refused(e.Code, e.Message)
	}
	if output == nil {
		return nil
	}
	if err := json.Unmarshal(answer, output); err != nil {
		return fault.Wrap(err, fault.Internal, "HOOK_INVALID", "The project's hook %s answered with JSON of another form than it should.", name)
	}
	return nil
}

// refused is a hook's own refusal. Its status is the hook's choice among those that we have a kind for.
func refused(code int, message string) error {
	if message == "" {
		message = "Refused by the project."
	}
	kind := map[int]fault.Kind{400: fault.Invalid, 401: fault.Unauthenticated, 403: fault.Denied, 404: fault.NotFound, 409: fault.Exists,
		422: fault.FailedPrecondition, 429: fault.Exhausted, 503: fault.Unavailable}[code]
	if kind == fault.Internal { // any other status
		kind = fault.Denied
	}
	return fault.New(kind, "HOOK_REFUSED", "%s", message)
}

// callFunction runs a function of the project's database with the payload as its only argument. It runs as the service's own role, within its
// own transaction and time.
func callFunction(ctx context.Context, session *projectdb.Session, name string, u *url.URL, payload []byte) ([]byte, error) {
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) != 2 {
		return nil, fault.New(fault.Internal, "HOOK_INVALID", "The address of the project's hook names no schema and function.")
	}
	// What is too large stays in the database.
	statement := "select case when length(a.answer) <= $2 then a.answer end, length(a.answer) from (select " +
		pgx.Identifier{session.Project.Schema(parts[0]), parts[1]}.Sanitize() + "($1::jsonb)::jsonb::text as answer offset 0) a"
	var answer []byte
	var size *int
	ctx, cancel := context.WithTimeoutCause(ctx, functionTimeout+time.Second, errTimeout)
	defer cancel()
	err := session.InService(ctx, store.Schema, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, fmt.Sprintf("set local statement_timeout = %d", functionTimeout.Milliseconds())); err != nil {
			return err
		}
		return tx.QueryRow(ctx, statement, payload, maxPayload).Scan(&answer, &size)
	})
	switch {
	case err == nil:
	case pg.Code(err) == pgerrcode.QueryCanceled || errors.Is(context.Cause(ctx), errTimeout):
		return nil, errTimeout
	case pg.Code(err) == pgerrcode.RaiseException:
		// The function's own words, which are not for users: a refusal has a form of its own.
		return nil, fault.Wrap(err, fault.Internal, "HOOK_FAILED", "The function of the project's hook %s failed.", name)
	case pg.Code(err) == pgerrcode.UndefinedFunction || pg.Code(err) == pgerrcode.InvalidSchemaName:
		return nil, fault.Wrap(err, fault.Internal, "HOOK_FAILED", "The function of the project's hook %s, or one that it calls, does not exist.", name)
	case pg.Code(err) == pgerrcode.InsufficientPrivilege:
		return nil, fault.Wrap(err, fault.Internal, "HOOK_FAILED", "The function of the project's hook %s lacks a permission in the database.", name)
	default:
		return nil, fault.Wrap(err, fault.Internal, "HOOK_FAILED", "The function of the project's hook %s could not be run.", name)
	}
	if len(answer) > maxPayload || answer == nil && size != nil {
		return nil, errTooLarge
	}
	return answer, nil
}
