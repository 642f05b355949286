package provider

import (
	"context"
	_ "embed" // the statements
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

//go:embed sql/identities.sql
var identitiesOf string

//go:embed sql/delete_identity.sql
var deleteIdentity string

var (
	errIdentityID      = fault.New(fault.NotFound, "VALIDATION_FAILED", "identity_id must be an UUID")
	errNoIdentity      = fault.New(fault.FailedPrecondition, "IDENTITY_NOT_FOUND", "Identity doesn't exist")
	errLastIdentity    = fault.New(fault.FailedPrecondition, "SINGLE_IDENTITY_NOT_DELETABLE", "User must have at least 1 identity after unlinking")
	errAddressConflict = fault.New(fault.FailedPrecondition, "EMAIL_CONFLICT_IDENTITY_NOT_DELETABLE", "Unable to unlink identity due to email conflict")
)

// mayLink returns the bearer, who must have proved a second factor if they have one: a way in is as good as a password.
func (s *Service) mayLink(r *http.Request, tx *store.Tx, bound *projectdb.Session) (*store.User, error) {
	user, current, err := s.d.Sessions.SignedIn(r, tx, bound)
	if err != nil {
		return nil, err
	}
	switch {
	case user.SSO:
		return nil, errManaged
	case current != nil && current.AAL == "aal1" && user.HasFactor():
		return nil, protocol.ErrInsufficientAAL
	}
	return user, nil
}

// owned is an identity of a user.
type owned struct {
	ID                   uuid.UUID
	Provider, ProviderID string
	Email                string
	EmailVerified        bool
}

// unlink takes an identity away from the bearer.
func (s *Service) unlink(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	if err := manualLinking(bound); err != nil {
		return err
	}
	id, err := uuid.Parse(chi.URLParam(r, "identity_id"))
	if err != nil {
		return errIdentityID
	}
	err = store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		bearer, err := s.mayLink(r, tx, bound)
		if err != nil {
			return err
		}
		user, err := store.LockUser(r.Context(), tx, bearer.ID) // so that the last two identities are not taken away at once
		if err != nil {
			return err
		}
		if user == nil {
			return protocol.ErrUserNotFound
		}
		return s.remove(r, tx, bound, user, id)
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, struct{}{})
	return nil
}

func (s *Service) remove(r *http.Request, tx *store.Tx, bound *projectdb.Session, user *store.User, id uuid.UUID) error {
	ctx := r.Context()
	all, err := identities(ctx, tx, user.ID)
	if err != nil {
		return err
	}
	if len(all) <= 1 {
		return errLastIdentity
	}
	at := slices.IndexFunc(all, func(o owned) bool { return o.ID == id })
	if at < 0 {
		return errNoIdentity
	}
	gone, rest := all[at], slices.Delete(slices.Clone(all), at, at+1)
	has := func(provider string) bool {
		return slices.ContainsFunc(rest, func(o owned) bool { return o.Provider == provider })
	}
	noPassword := gone.Provider == "email" && !has("phone") || gone.Provider == "phone" && !has("email")
	if _, err := tx.Exec(ctx, deleteIdentity, user.ID, gone.ID, noPassword, gone.Provider == "phone"); err != nil {
		return err
	}
	if gone.Provider != "phone" {
		if err := s.moveAddress(ctx, tx, user, rest); err != nil {
			return err
		}
	}
	var batch pgx.Batch
	store.QueueSyncProviders(&batch, user.ID)
	store.QueueAudit(&batch, bound.Project, store.Event{Action: "identity_unlinked", Actor: user, Address: protocol.Client(r).Address,
		Traits: map[string]any{"identity_id": gone.ID, "provider": gone.Provider, "provider_id": gone.ProviderID}})
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return err
	}
	return s.d.Letters.Notice(ctx, tx, bound.Project, "identity_unlinked", user.Email, user, message.Email{Provider: gone.Provider})
}

// moveAddress gives the user an address of an identity that is left, when none of those has the user's: one that is proved, or none.
func (s *Service) moveAddress(ctx context.Context, tx *store.Tx, user *store.User, rest []owned) error {
	next := ""
	for _, o := range rest {
		if o.Email == user.Email && (o.EmailVerified || o.Provider == "email") {
			return nil
		}
		if next == "" && o.EmailVerified {
			next = o.Email
		}
	}
	if next != "" {
		switch taken, err := store.UserByEmail(ctx, tx, next); {
		case err != nil:
			return err
		case taken != nil:
			return errAddressConflict
		}
	}
	_, err := tx.Exec(ctx, setEmail, user.ID, next)
	return err
}

func identities(ctx context.Context, tx pgx.Tx, userID uuid.UUID) ([]owned, error) {
	rows, err := tx.Query(ctx, identitiesOf, userID)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[owned])
}
