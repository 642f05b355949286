// Package audit keeps who did what: each event is written in the transaction of what it records.
package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wayli-app/fluxbase/controlplane/store"
)

// Actor is who does what is recorded. The zero actor is Fluxbase itself.
type Actor struct {
	AccountID uuid.UUID
	Email     string
	IPAddress string
	RequestID string
}

type actorKey struct{}

// WithActor says who acts in ctx.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// Log writes and lists events.
type Log struct{ pool *pgxpool.Pool }

// New makes the log of the control database.
func New(pool *pgxpool.Pool) (*Log, error) {
	if pool == nil {
		return nil, errors.New("audit: the pool is missing")
	}
	return &Log{pool}, nil
}

// Record writes an event by the actor of ctx in the transaction of what it records. An event without organisation is the
// platform's. Details must hold no secret.
func (l *Log) Record(ctx context.Context, tx pgx.Tx, organization *uuid.UUID, action, target string, details map[string]any) error {
	actor, _ := ctx.Value(actorKey{}).(Actor)
	if details == nil {
		details = map[string]any{}
	}
	encoded, err := json.Marshal(details)
	if err != nil {
		return fmt.Errorf("encode audit details: %w", err)
	}
	event := store.InsertAuditEventParams{
		ID: uuid.Must(uuid.NewV7()), OrganizationID: organization, ActorEmail: actor.Email, Action: action, Target: target,
		IpAddress: actor.IPAddress, RequestID: actor.RequestID, Details: encoded,
	}
	if actor.AccountID != uuid.Nil {
		event.ActorAccountID = &actor.AccountID
	}
	if err := store.New(tx).InsertAuditEvent(ctx, event); err != nil {
		return fmt.Errorf("write audit event: %w", err)
	}
	return nil
}

// Event is one recorded deed.
type Event struct {
	ID        uuid.UUID
	CreatedAt time.Time
	// AccountID is nil for what Fluxbase did by itself.
	AccountID                     *uuid.UUID
	Email, Action, Target         string
	IPAddress, RequestID, Details string
	// FormerOrganization is the slug of an organisation that was deleted since.
	FormerOrganization string
}

// Filter says which events List returns.
type Filter struct {
	// Organization is nil for the platform's own events, and those of organisations that were deleted.
	Organization *uuid.UUID
	// Action is a whole action or its first part; Actor an email address. Empty ones match all.
	Action, Actor string
	Limit         int
	// AfterTime and AfterID are of the last event of the page before; nil for the first page.
	AfterTime *time.Time
	AfterID   *uuid.UUID
}

// List returns events, newest first.
func (l *Log) List(ctx context.Context, f Filter) ([]Event, error) {
	rows, err := store.Read(ctx, l.pool).ListAuditEvents(ctx, store.ListAuditEventsParams{
		OrganizationID: f.Organization, Action: f.Action, Actor: f.Actor, AfterTime: f.AfterTime, AfterID: f.AfterID, MaxRows: int32(f.Limit),
	})
	if err != nil {
		return nil, fmt.Errorf("list audit events: %w", err)
	}
	out := make([]Event, len(rows))
	for i, r := range rows {
		out[i] = Event{
			ID: r.ID, CreatedAt: r.CreatedAt, AccountID: r.ActorAccountID, Email: r.ActorEmail, Action: r.Action, Target: r.Target,
			IPAddress: r.IpAddress, RequestID: r.RequestID, Details: string(r.Details),
			FormerOrganization: r.FormerOrganization,
		}
	}
	return out, nil
}
