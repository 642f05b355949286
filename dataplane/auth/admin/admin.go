// Package admin lets holders of a secret key, and developers of the project, manage its users, their sessions and second factors, and read what happened.
package admin

import (
	"context"
	_ "embed" // the statements
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/letter"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/newuser"
	"github.com/wayli-app/fluxbase/dataplane/auth/password"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

//go:embed sql/count_users.sql
var countUsers string

//go:embed sql/matching_users.sql
var matchingUsers string

// Deps are what the service needs.
type Deps struct {
	Hasher   *password.Hasher
	Rules    *password.Rules
	Users    *newuser.Maker
	Sessions *session.Manager
	Letters  *letter.Writer
	Messages *message.Outbox
}

// Service answers /invite and what is below /admin of users and the audit log.
type Service struct{ d Deps }

// New makes the service.
func New(d Deps) *Service { return &Service{d} }

// Routes adds the service's routes, each of which is for admins only.
func (s *Service) Routes(rt *protocol.Router) {
	for _, route := range []struct {
		method, pattern string
		handler         protocol.Handler
	}{
		{http.MethodGet, "/admin/users", s.list},
		{http.MethodPost, "/admin/users", s.create},
		{http.MethodGet, "/admin/users/{id}", s.get},
		{http.MethodPut, "/admin/users/{id}", s.update},
		{http.MethodDelete, "/admin/users/{id}", s.remove},
		{http.MethodGet, "/admin/users/{id}/factors", s.factors},
		{http.MethodPut, "/admin/users/{id}/factors/{factor}", s.updateFactor},
		{http.MethodDelete, "/admin/users/{id}/factors/{factor}", s.removeFactor},
		{http.MethodGet, "/admin/users/{id}/sessions", s.sessions},
		{http.MethodDelete, "/admin/users/{id}/sessions", s.endSessions},
		{http.MethodDelete, "/admin/users/{id}/sessions/{session}", s.endSession},
		{http.MethodPost, "/admin/users/{id}/impersonate", s.impersonate},
		{http.MethodPost, "/invite", s.invite},
		{http.MethodPost, "/admin/generate_link", s.generateLink},
		{http.MethodGet, "/admin/audit", s.audit},
		{http.MethodPost, "/admin/templates/preview", s.previewTemplate},
		{http.MethodPost, "/admin/templates/test", s.testTemplate},
	} {
		rt.Handle(route.method, route.pattern, protocol.Admin(route.handler))
	}
}

func on(p *directory.Project, key string) bool { return setting.Get[bool](p.Settings, key) }

// event is what an admin does to a user.
func event(r *http.Request, bound *projectdb.Session, action string, user *store.User) store.Event {
	return store.Event{Action: action, Developer: bound.Caller.Developer, Address: protocol.Client(r).Address,
		Traits: map[string]any{"user_id": user.ID, "user_email": user.Email, "user_phone": user.Phone}}
}

// pathID reads an id of the path.
func pathID(r *http.Request, name, called string) (uuid.UUID, error) {
	id, err := uuid.Parse(chi.URLParam(r, name))
	if err != nil || len(chi.URLParam(r, name)) != 36 {
		return id, fault.New(fault.NotFound, "VALIDATION_FAILED", "%s must be an UUID", called)
	}
	return id, nil
}

// withUser runs fn with the user of the path, whose row is held, in a transaction.
func withUser(r *http.Request, bound *projectdb.Session, fn func(ctx context.Context, tx *store.Tx, user *store.User) error) error {
	id, err := pathID(r, "id", "user_id")
	if err != nil {
		return err
	}
	return store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		user, err := store.LockUser(r.Context(), tx, id)
		switch {
		case err != nil:
			return err
		case user == nil:
			return protocol.ErrNoSuchUser
		}
		return fn(r.Context(), tx, user)
	})
}

// orders are how users may be sorted, by "column direction".
var orders = func() map[string]string {
	out := map[string]string{"": "order by u.created_at desc nulls last, u.id"}
	for _, column := range []string{"created_at", "updated_at", "last_sign_in_at", "email", "phone"} {
		out[column] = "order by u." + column + " asc nulls last, u.id"
		out[column+" asc"] = out[column]
		out[column+" desc"] = "order by u." + column + " desc nulls last, u.id"
	}
	return out
}()

// list lists users, newest first unless sorted otherwise. A filter is part of an address, a number or a full name, or an id.
func (s *Service) list(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	part, err := protocol.PageOf(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	order, ok := orders[strings.ToLower(strings.TrimSpace(query.Get("sort")))]
	if !ok {
		return protocol.ErrValidation("Bad Sort Parameters: sort by created_at, updated_at, last_sign_in_at, email or phone, then asc or desc")
	}
	filter, err := plainText(query, "filter")
	if err != nil {
		return err
	}
	users, total := []protocol.User{}, 0
	err = store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		var batch pgx.Batch
		batch.Queue(countUsers+matchingUsers, filter).QueryRow(func(row pgx.Row) error { return row.Scan(&total) })
		batch.Queue("select "+store.UserColumns+"\nfrom users u\n"+matchingUsers+order+" limit $2 offset $3", filter, part.Size, part.Offset()).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				user, err := store.ScanUser(rows)
				if err != nil {
					return err
				}
				users = append(users, protocol.NewUser(user))
			}
			return rows.Err()
		})
		return tx.SendBatch(r.Context(), &batch).Close()
	})
	if err != nil {
		return err
	}
	part.Write(w, r, bound, total)
	protocol.WriteJSON(w, http.StatusOK, map[string]any{"users": users, "aud": session.Audience})
	return nil
}

func plainText(query url.Values, name string) (string, error) {
	text := query.Get(name)
	if len(text) > 500 || strings.ContainsRune(text, 0) || strings.ToValidUTF8(text, "") != text {
		return "", protocol.ErrValidation("%s must be a text of up to 500 bytes", name)
	}
	return text, nil
}

// get answers with a user, also one who was deleted softly.
func (s *Service) get(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	id, err := pathID(r, "id", "user_id")
	if err != nil {
		return err
	}
	var user *store.User
	err = store.InTx(r.Context(), bound, func(tx *store.Tx) (err error) {
		user, err = store.UserOrGone(r.Context(), tx, id)
		return err
	})
	if err != nil {
		return err
	}
	if user == nil {
		return protocol.ErrNoSuchUser
	}
	protocol.WriteJSON(w, http.StatusOK, protocol.NewUser(user))
	return nil
}
