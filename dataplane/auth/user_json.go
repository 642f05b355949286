package auth

import (
	"encoding/json"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/auth/store"
)

// userBody is a user as clients see it.
type userBody struct {
	ID               string          `json:"id"`
	Audience         string          `json:"aud"`
	Role             string          `json:"role"`
	Email            string          `json:"email"`
	EmailConfirmed   *time.Time      `json:"email_confirmed_at,omitempty"`
	Phone            string          `json:"phone"`
	PhoneConfirmed   *time.Time      `json:"phone_confirmed_at,omitempty"`
	ConfirmationSent *time.Time      `json:"confirmation_sent_at,omitempty"`
	Confirmed        *time.Time      `json:"confirmed_at,omitempty"`
	LastSignIn       *time.Time      `json:"last_sign_in_at,omitempty"`
	AppMetadata      json.RawMessage `json:"app_metadata"`
	UserMetadata     json.RawMessage `json:"user_metadata"`
	Identities       json.RawMessage `json:"identities"`
	Created          time.Time       `json:"created_at"`
	Updated          time.Time       `json:"updated_at"`
	BannedUntil      *time.Time      `json:"banned_until,omitempty"`
	Anonymous        bool            `json:"is_anonymous"`
}

func userJSON(u *store.User) userBody {
	confirmed := u.EmailConfirmed
	if confirmed == nil || (u.PhoneConfirmed != nil && u.PhoneConfirmed.Before(*confirmed)) {
		confirmed = u.PhoneConfirmed
	}
	return userBody{
		ID: u.ID.String(), Audience: u.Audience, Role: u.Role, Email: u.Email, EmailConfirmed: utc(u.EmailConfirmed), Phone: u.Phone,
		PhoneConfirmed: utc(u.PhoneConfirmed), ConfirmationSent: utc(u.ConfirmationSent), Confirmed: utc(confirmed),
		LastSignIn: utc(u.LastSignIn), AppMetadata: u.AppMetadata, UserMetadata: u.UserMetadata, Identities: u.Identities,
		Created: u.Created.UTC(), Updated: u.Updated.UTC(), BannedUntil: utc(u.BannedUntil), Anonymous: u.Anonymous,
	}
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
