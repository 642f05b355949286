package oauthserver

import (
	"context"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// list answers GET /admin/oauth/clients, newest first.
func (s *Service) list(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	page, err := protocol.PageOf(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	total, clients := 0, []clientBody{}
	err = store.InTx(ctx, bound, func(tx *store.Tx) error {
		var batch pgx.Batch
		batch.Queue(countClients).QueryRow(func(row pgx.Row) error { return row.Scan(&total) })
		batch.Queue(listClients, page.Size, page.Offset()).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				c, err := scanClient(rows)
				if err != nil {
					return err
				}
				clients = append(clients, c.body(""))
			}
			return rows.Err()
		})
		return tx.SendBatch(ctx, &batch).Close()
	})
	if err != nil {
		return err
	}
	page.Write(w, r, bound, total)
	protocol.WriteJSON(w, http.StatusOK, map[string]any{"clients": clients, "aud": "authenticated"})
	return nil
}

// create answers POST /admin/oauth/clients.
func (s *Service) create(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	return s.add(w, r, bound, "manual")
}

var errNoRegistration = fault.New(fault.Denied, "OAUTH_DYNAMIC_CLIENT_REGISTRATION_DISABLED", "Dynamic client registration is not enabled")

// register answers POST /oauth/clients/register: apps register themselves (RFC 7591).
func (s *Service) register(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	if !setting.Get[bool](bound.Project.Settings, "auth.oauth_server.dynamic_registration") {
		return errNoRegistration
	}
	if err := s.d.Guard.Address(r, bound, "sign_in_sign_ups"); err != nil {
		return err
	}
	return s.add(w, r, bound, "dynamic")
}

func (s *Service) add(w http.ResponseWriter, r *http.Request, bound *projectdb.Session, registration string) error {
	var in clientRequest
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	c, secret, err := newClient(&in, registration)
	if err != nil {
		return err
	}
	ctx := r.Context()
	err = store.InTx(ctx, bound, func(tx *store.Tx) (err error) {
		if c, err = c.insert(ctx, tx); err != nil {
			return err
		}
		return audit(ctx, tx, bound, r, "oauth_client_created", c)
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusCreated, c.body(secret))
	return nil
}

func audit(ctx context.Context, tx *store.Tx, bound *projectdb.Session, r *http.Request, action string, c *client) error {
	return store.Audit(ctx, tx, bound.Project, store.Event{Action: action, Developer: bound.Caller.Developer, Address: protocol.Client(r).Address,
		Traits: map[string]any{"oauth_client_id": c.id, "client_name": c.name, "registration_type": c.registration}})
}

// change runs fn on the client that a path names, in a transaction, and records what was done.
func (s *Service) change(r *http.Request, bound *projectdb.Session, action string, fn func(tx *store.Tx, c *client) (*client, error)) (*client, error) {
	id, err := uuid.Parse(chi.URLParam(r, "id"))
	if err != nil {
		return nil, protocol.ErrValidation("invalid client_id format")
	}
	ctx := r.Context()
	var c *client
	err = store.InTx(ctx, bound, func(tx *store.Tx) (err error) {
		if c, err = clientByID(ctx, tx, id); err != nil {
			return err
		}
		if c == nil {
			return errNoSuchClient
		}
		if fn == nil {
			return nil
		}
		if c, err = fn(tx, c); err != nil {
			return err
		}
		if c == nil { // deleted meanwhile
			return errNoSuchClient
		}
		return audit(ctx, tx, bound, r, action, c)
	})
	return c, err
}

// get answers GET /admin/oauth/clients/{id}.
func (s *Service) get(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	c, err := s.change(r, bound, "", nil)
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, c.body(""))
	return nil
}

// update answers PUT /admin/oauth/clients/{id}.
func (s *Service) update(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in clientRequest
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	if in.empty() {
		return protocol.ErrValidation("No fields provided for update")
	}
	if err := in.validate(); err != nil {
		return err
	}
	c, err := s.change(r, bound, "oauth_client_updated", func(tx *store.Tx, c *client) (*client, error) {
		if err := in.apply(c); err != nil {
			return nil, err
		}
		return c.update(r.Context(), tx)
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, c.body(""))
	return nil
}

// remove answers DELETE /admin/oauth/clients/{id}: the client's sessions end, of all users.
func (s *Service) remove(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	ctx := r.Context()
	_, err := s.change(r, bound, "oauth_client_deleted", func(tx *store.Tx, c *client) (*client, error) {
		if _, err := tx.Exec(ctx, deleteClient, c.id); err != nil {
			return nil, err
		}
		return c, s.d.Sessions.EndOfClient(ctx, tx, bound.Project, c.id, nil)
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// regenerate answers POST /admin/oauth/clients/{id}/regenerate_secret. The old secret is worth nothing any more; sessions go on.
func (s *Service) regenerate(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	secret := ""
	c, err := s.change(r, bound, "oauth_client_secret_regenerated", func(tx *store.Tx, c *client) (*client, error) {
		if c.public() {
			return nil, protocol.ErrValidation("Cannot regenerate secret for public client")
		}
		secret, c.secretHash = newSecret()
		return c.update(r.Context(), tx)
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, c.body(secret))
	return nil
}
