package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

var (
	errNoFactor    = fault.New(fault.NotFound, "MFA_FACTOR_NOT_FOUND", "Factor not found")
	errFactorTaken = fault.New(fault.FailedPrecondition, "MFA_FACTOR_NAME_CONFLICT", "A factor with this name or number exists for this user already")
)

func ignoreNone(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}

// factors lists the second factors of a user.
func (s *Service) factors(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var list json.RawMessage
	err := withUser(r, bound, func(_ context.Context, _ *store.Tx, user *store.User) error {
		list = user.Factors
		return nil
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, list)
	return nil
}

// factorOf is one factor of a user as clients see it, or nil.
func factorOf(user *store.User, id uuid.UUID) json.RawMessage {
	var all []json.RawMessage
	_ = json.Unmarshal(user.Factors, &all) // a list that Postgres made
	for _, raw := range all {
		var f struct {
			ID uuid.UUID `json:"id"`
		}
		if json.Unmarshal(raw, &f) == nil && f.ID == id {
			return raw
		}
	}
	return nil
}

// updateFactor changes the name of a factor, and the number of a phone.
func (s *Service) updateFactor(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in struct {
		FriendlyName *string `json:"friendly_name"`
		Phone        *string `json:"phone"`
	}
	id, err := pathID(r, "factor", "factor_id")
	if err != nil {
		return err
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	if in.Phone != nil {
		number, err := protocol.NormalPhone(*in.Phone)
		if err != nil {
			return err
		}
		in.Phone = &number
	}
	if in.FriendlyName != nil && (len(*in.FriendlyName) > 255 || protocol.Metadata{"name": quoted(*in.FriendlyName)}.Validate() != nil) {
		return protocol.ErrValidation("friendly_name must be a text of up to 255 bytes")
	}
	var factor json.RawMessage
	err = withUser(r, bound, func(ctx context.Context, tx *store.Tx, user *store.User) error {
		found, taken, err := store.UpdateFactor(ctx, tx, user.ID, id, in.FriendlyName, in.Phone)
		switch {
		case err != nil:
			return err
		case taken:
			return errFactorTaken
		case !found:
			return errNoFactor
		}
		e := event(r, bound, "factor_updated", user)
		e.Traits["factor_id"] = id
		if err := store.Audit(ctx, tx, bound.Project, e); err != nil {
			return err
		}
		now, err := store.UserByID(ctx, tx, user.ID)
		if err == nil {
			factor = factorOf(now, id)
		}
		return err
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, factor)
	return nil
}

func quoted(s string) json.RawMessage {
	encoded, _ := json.Marshal(s) // a string
	return encoded
}

// removeFactor removes a factor of a user, and answers with it.
func (s *Service) removeFactor(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	id, err := pathID(r, "factor", "factor_id")
	if err != nil {
		return err
	}
	var factor json.RawMessage
	err = withUser(r, bound, func(ctx context.Context, tx *store.Tx, user *store.User) error {
		factor = factorOf(user, id)
		removed, err := store.DeleteFactor(ctx, tx, user.ID, id)
		switch {
		case err != nil:
			return err
		case removed == nil:
			return errNoFactor
		}
		e := event(r, bound, "factor_deleted", user)
		e.Traits["factor_id"] = id
		if err := store.Audit(ctx, tx, bound.Project, e); err != nil {
			return err
		}
		return s.d.Letters.Notice(ctx, tx, bound.Project, "mfa_factor_unenrolled", user.Email, user, message.Email{FactorType: removed.Kind})
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, factor)
	return nil
}
