package meta

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// maxClaims bounds the claims that SQL runs with.
const maxClaims = 16 << 10

// as says who SQL runs as: a role of requests with the claims of a token, or without a role the project's owner.
type as struct {
	Role   string          `json:"role"`
	Claims json.RawMessage `json:"claims"`
}

func (a *as) check() error {
	_, err := a.caller()
	return err
}

// caller is who a request with such a token would be.
func (a *as) caller() (projectdb.Caller, error) {
	given := len(a.Claims) > 0 && string(a.Claims) != "null"
	switch a.Role {
	case "":
		if given {
			return projectdb.Caller{}, fault.New(fault.Invalid, "CLAIMS_INVALID", "claims need a role: the project's owner has none.")
		}
		return projectdb.Caller{}, nil
	case "anon", "authenticated", "service_role":
	default:
		return projectdb.Caller{}, fault.New(fault.Invalid, "ROLE_INVALID", "role must be anon, authenticated or service_role; leave it out to run as the project's owner.")
	}
	claims := map[string]json.RawMessage{}
	if given {
		if len(a.Claims) > maxClaims {
			return projectdb.Caller{}, fault.New(fault.Invalid, "CLAIMS_INVALID", "claims are larger than %d bytes.", maxClaims)
		}
		if json.Unmarshal(a.Claims, &claims) != nil {
			return projectdb.Caller{}, fault.New(fault.Invalid, "CLAIMS_INVALID", "claims must be a JSON object, as of a user's token.")
		}
	}
	claims["role"], _ = json.Marshal(a.Role) // strings always encode
	encoded, err := json.Marshal(claims)
	if err != nil {
		return projectdb.Caller{}, err
	}
	return projectdb.Caller{Role: a.Role, Claims: encoded}, nil
}

// sent is the text that is sent for a query, and how many characters stand before it. Functions of the services know the worker's own statements in
// sessions of the authenticator by how their text begins (storage.keep_blob): no developer's begins so.
func (a *as) sent(query string) (text string, shift int) {
	if a.Role == "" {
		return query, 0
	}
	return " " + query, 1
}

// connect gives fn a connection of its own that runs as that one.
func (a *as) connect(ctx context.Context, session *projectdb.Session, fn func(*pgx.Conn) error) error {
	if a.Role == "" {
		return session.AsOwner(ctx, fn)
	}
	caller, err := a.caller()
	if err != nil {
		return err
	}
	return session.AsRole(ctx, caller, projectdb.Options{SearchPath: []string{"public", "extensions"}}, fn)
}
