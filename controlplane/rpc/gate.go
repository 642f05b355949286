package rpc

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/wayli-app/fluxbase/controlplane/account"
	"github.com/wayli-app/fluxbase/controlplane/audit"
	"github.com/wayli-app/fluxbase/controlplane/organization"
	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/id"
)

// requestTimeout bounds requests that are not streams.
const requestTimeout = 30 * time.Second

var errTimeout = fault.New(fault.DeadlineExceeded, "TIMEOUT", "The request took too long.")

// access is what the gate found out of a request: who asks, and in which organisation and project.
type access struct {
	account account.Account
	// organization and project are set when the request names them.
	organization organization.Organization
	project      uuid.UUID
	// again checks anew that the caller may go on: for streams.
	again func(context.Context) error
}

type accessKey struct{}

// accessOf returns what the gate found out. Every handler runs behind the gate.
func accessOf(ctx context.Context) *access { return ctx.Value(accessKey{}).(*access) }

// gate is the interceptor that lets a request through to its handler, or not: who asks (account), is the request well-formed
// (protovalidate), and may they (policy). Everything is looked up anew for each request.
type gate struct {
	accounts      *account.Service
	organizations *organization.Service
	validator     protovalidate.Validator
	limits        *limits
	// platform finds the id of the project "platform".
	platform func(context.Context) (uuid.UUID, error)
}

var _ connect.Interceptor = (*gate)(nil)

// WrapStreamingClient does nothing: there are no clients here.
func (g *gate) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapUnary guards requests with one message.
func (g *gate) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, requestTimeout, errTimeout)
		defer cancel()
		ctx, rule, err := g.identify(ctx, req.Spec().Procedure, req.Header())
		if err != nil {
			return nil, err
		}
		if err := g.limits.request(accessOf(ctx).account.ID); err != nil {
			return nil, err
		}
		if err := g.admit(ctx, rule, req.Any()); err != nil {
			return nil, err
		}
		res, err := next(ctx, req)
		if err != nil && errors.Is(err, context.DeadlineExceeded) && errors.Is(context.Cause(ctx), errTimeout) {
			return nil, errTimeout
		}
		return res, err
	}
}

// WrapStreamingHandler guards streams: each message that comes in is checked before the handler sees it.
func (g *gate) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		ctx, rule, err := g.identify(ctx, conn.Spec().Procedure, conn.RequestHeader())
		if err != nil {
			return err
		}
		if err := g.limits.request(accessOf(ctx).account.ID); err != nil {
			return err
		}
		done, err := g.limits.stream(accessOf(ctx).account.ID)
		if err != nil {
			return err
		}
		defer done()
		return next(ctx, &guardedConn{conn, g, ctx, rule})
	}
}

// guardedConn checks what a stream receives.
type guardedConn struct {
	connect.StreamingHandlerConn
	gate *gate
	ctx  context.Context // of the stream, whose lifetime this is
	rule rule
}

// Receive takes the next message and refuses it if its sender may not send it.
func (c *guardedConn) Receive(message any) error {
	if err := c.StreamingHandlerConn.Receive(message); err != nil {
		return err
	}
	header, procedure := c.RequestHeader(), c.Spec().Procedure
	accessOf(c.ctx).again = func(ctx context.Context) error {
		ctx, rule, err := c.gate.identify(ctx, procedure, header)
		if err != nil {
			return err
		}
		return c.gate.admit(ctx, rule, message)
	}
	return c.gate.admit(c.ctx, c.rule, message)
}

// identify finds the procedure's rule and who asks.
func (g *gate) identify(ctx context.Context, procedure string, header http.Header) (context.Context, rule, error) {
	rule, ok := policy[procedure]
	if !ok || rule.need == nobody {
		return ctx, rule, fault.New(fault.Denied, "NO_POLICY", "Nobody may call this procedure.")
	}
	found := &access{}
	if rule.need != everyone {
		var err error
		if found.account, err = g.accounts.Authenticate(ctx, bearer(header)); err != nil {
			return ctx, rule, err
		}
	}
	meta := requestOf(ctx)
	lineOf(ctx).account = found.account.ID
	ctx = audit.WithActor(ctx, audit.Actor{
		AccountID: found.account.ID, Email: found.account.Email, IPAddress: meta.ip, RequestID: meta.id,
	})
	return context.WithValue(ctx, accessKey{}, found), rule, nil
}

func bearer(header http.Header) string {
	scheme, value, _ := strings.Cut(header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(value)
}

// admit checks the message, and the caller's right to what it names.
func (g *gate) admit(ctx context.Context, r rule, message any) error {
	if m, ok := message.(proto.Message); ok {
		if err := g.validator.Validate(m); err != nil {
			return invalid(err)
		}
	}
	a := accessOf(ctx)
	need := r.need
	if need == member {
		named, err := g.resolve(ctx, a, r, message)
		if err != nil || named {
			return err
		}
		need = r.unnamed
	}
	switch need {
	case everyone, signedIn:
		return nil
	case operator:
		if a.account.Operator {
			return nil
		}
		return fault.New(fault.Denied, "OPERATORS_ONLY", "Only operators of this installation may do this.")
	default:
		return &fault.Error{Kind: fault.Invalid, Reason: "ORGANIZATION_MISSING", Message: "Name an organisation.",
			Fields: map[string]string{"organization": "must be named"}}
	}
}

// resolve finds the organisation or project that the message names, and checks the caller's role in it. Those who are no
// members are told that there is none.
func (g *gate) resolve(ctx context.Context, a *access, r rule, message any) (named bool, err error) {
	switch m := message.(type) {
	case interface{ GetRef() string }:
		if r.platform && m.GetRef() == id.PlatformRef && a.account.Operator {
			lineOf(ctx).ref = id.PlatformRef
			a.project, err = g.platform(ctx)
			return true, err
		}
		found := false
		if id.ValidRef(m.GetRef()) {
			if a.organization, a.project, found, err = g.organizations.FindByProject(ctx, m.GetRef(), a.account.ID); err != nil {
				return true, err
			}
		}
		if !found {
			return true, project.ErrNotFound
		}
	case interface{ GetOrganization() string }:
		if m.GetOrganization() == "" {
			return false, nil
		}
		if a.organization, err = g.organizations.Find(ctx, m.GetOrganization(), a.account.ID); err != nil {
			return true, err
		}
	default:
		return true, fault.New(fault.Denied, "NO_POLICY", "The request names nothing that a role could be in.")
	}
	role := a.organization.Role
	found := lineOf(ctx)
	found.organization = a.organization.Slug
	if named, ok := message.(interface{ GetRef() string }); ok {
		found.ref = named.GetRef()
	}
	switch {
	case role.Includes(r.least), r.orOperator && a.account.Operator:
		return true, nil
	case !role.Valid():
		return true, organization.ErrNotFound
	default:
		return true, fault.New(fault.Denied, "ROLE_TOO_LOW", "This needs the role %s or higher; yours is %s. Ask an admin of the organisation.", r.least, role)
	}
}
