package oauthserver

import (
	"context"
	"crypto/rand"
	_ "embed" // the statements
	"encoding/base32"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/internal/token"
)

//go:embed sql/insert_authorization.sql
var insertAuthorization string

//go:embed sql/authorization_by_id.sql
var authorizationByID string

//go:embed sql/authorization_by_code.sql
var authorizationByCode string

//go:embed sql/claim_authorization.sql
var claimAuthorization string

//go:embed sql/close_authorization.sql
var closeAuthorization string

//go:embed sql/delete_authorization.sql
var deleteAuthorization string

//go:embed sql/active_consent.sql
var activeConsent string

//go:embed sql/put_consent.sql
var putConsent string

const (
	// authorizationLife is how long a user may take to sign in and consent, codeLife how long a client to exchange the code.
	authorizationLife = 10 * time.Minute
	codeLife          = 2 * time.Minute
)

// The states of an authorization. One whose code was used is expired, and keeps its code, so that a second use is seen.
const (
	pending  = "pending"
	approved = "approved"
	denied   = "denied"
	expired  = "expired"
)

// scopes that a client may ask for.
var scopes = []string{"openid", "email", "profile", "phone", "offline_access"}

const defaultScope = "email"

// authorization is a sign-in to another app that is under way.
type authorization struct {
	id        uuid.UUID
	publicID  string
	client    uuid.UUID
	user      *uuid.UUID
	redirect  string
	scope     string
	state     string
	resource  string
	challenge string
	nonce     string
	status    string
	over      bool // too old
}

func scanAuthorization(row pgx.Row) (*authorization, error) {
	var a authorization
	err := row.Scan(&a.id, &a.publicID, &a.client, &a.user, &a.redirect, &a.scope, &a.state, &a.resource, &a.challenge, &a.nonce, &a.status, &a.over)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &a, nil
}

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func newID() string {
	var random [20]byte
	_, _ = rand.Read(random[:]) // never fails
	return idEncoding.EncodeToString(random[:])
}

func (a *authorization) insert(ctx context.Context, tx pgx.Tx) error {
	a.id, a.publicID = uuid.New(), newID()
	_, err := tx.Exec(ctx, insertAuthorization, a.id, a.publicID, a.client, a.redirect, a.scope, a.state, a.resource, a.challenge, a.nonce, authorizationLife.Seconds())
	return err
}

func (a *authorization) close(ctx context.Context, tx pgx.Tx, status, codeHash string) error {
	_, err := tx.Exec(ctx, closeAuthorization, a.id, status, codeHash, codeLife.Seconds())
	return err
}

// approve ends the user's part with a code, and returns where the browser goes with it.
func (a *authorization) approve(ctx context.Context, tx pgx.Tx, p *directory.Project) (string, error) {
	code, hash := newSecret()
	if err := a.close(ctx, tx, approved, hash); err != nil {
		return "", err
	}
	return withQuery(a.redirect, map[string]string{"code": code, "state": a.state, "iss": issuer(p)}), nil
}

// refusal is where the browser goes when nothing came of it.
func (a *authorization) refusal(p *directory.Project, e *oauthError) string {
	return withQuery(a.redirect, map[string]string{"error": e.Code, "error_description": e.Description, "state": a.state, "iss": issuer(p)})
}

// scopesOf are the names in a list between spaces, each once.
func scopesOf(list string) []string {
	out := []string{}
	for _, name := range strings.Fields(list) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// consented returns the scopes that a user allowed a client, or nil.
func consented(ctx context.Context, tx pgx.Tx, user, client uuid.UUID) ([]string, error) {
	var list string
	err := tx.QueryRow(ctx, activeConsent, user, client).Scan(&list)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return scopesOf(list), err
}

func covers(allowed, asked []string) bool {
	return len(allowed) > 0 && !slices.ContainsFunc(asked, func(name string) bool { return !slices.Contains(allowed, name) })
}

// signsForOthers tells that the project's key makes signatures which clients can verify: a shared secret would let them make tokens.
func signsForOthers(p *directory.Project) bool {
	return p.SigningKey.Private != nil && p.SigningKey.Algorithm != token.HS256
}
