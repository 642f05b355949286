package oauthserver

import (
	_ "embed" // the statements
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

//go:embed sql/list_consents.sql
var listConsents string

//go:embed sql/revoke_consent.sql
var revokeConsent string

type grantBody struct {
	Client    clientDetails `json:"client"`
	Scopes    []string      `json:"scopes"`
	GrantedAt time.Time     `json:"granted_at"`
}

// grants answers GET /user/oauth/grants: the apps that the user let in.
func (s *Service) grants(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	ctx := r.Context()
	out := []grantBody{}
	err := store.InTx(ctx, bound, func(tx *store.Tx) error {
		user, _, err := s.d.Sessions.SignedIn(r, tx, bound)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, listConsents, user.ID)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var g grantBody
			var list string
			if err := rows.Scan(&g.Client.ID, &g.Client.Name, &g.Client.URI, &g.Client.Logo, &list, &g.GrantedAt); err != nil {
				return err
			}
			g.Scopes, g.GrantedAt = scopesOf(list), g.GrantedAt.UTC()
			out = append(out, g)
		}
		return rows.Err()
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, out)
	return nil
}

var errNoConsent = fault.New(fault.NotFound, "OAUTH_CONSENT_NOT_FOUND", "No active grant found for this client")

// revoke answers DELETE /user/oauth/grants?client_id=…: the app's sessions of the user end.
func (s *Service) revoke(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	text := r.URL.Query().Get("client_id")
	if text == "" {
		return protocol.ErrValidation("client_id is required")
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return protocol.ErrValidation("invalid client_id format")
	}
	ctx := r.Context()
	err = store.InTx(ctx, bound, func(tx *store.Tx) error {
		user, _, err := s.d.Sessions.SignedIn(r, tx, bound)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, revokeConsent, user.ID, id)
		switch {
		case err != nil:
			return err
		case tag.RowsAffected() == 0:
			return errNoConsent
		}
		if err := s.d.Sessions.EndOfClient(ctx, tx, bound.Project, id, &user.ID); err != nil {
			return err
		}
		return store.Audit(ctx, tx, bound.Project, store.Event{Action: "token_revoked", Actor: user, Address: protocol.Client(r).Address,
			Traits: map[string]any{"action": "revoke_oauth_grant", "oauth_client_id": id}})
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
