package protocol

import (
	"encoding/json"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/auth/store"
)

// User is a user as clients see it.
type User struct {
	ID                   string          `json:"id"`
	Audience             string          `json:"aud"`
	Role                 string          `json:"role"`
	Email                string          `json:"email"`
	EmailConfirmed       *time.Time      `json:"email_confirmed_at,omitempty"`
	Invited              *time.Time      `json:"invited_at,omitempty"`
	Phone                string          `json:"phone"`
	PhoneConfirmed       *time.Time      `json:"phone_confirmed_at,omitempty"`
	ConfirmationSent     *time.Time      `json:"confirmation_sent_at,omitempty"`
	Confirmed            *time.Time      `json:"confirmed_at,omitempty"`
	RecoverySent         *time.Time      `json:"recovery_sent_at,omitempty"`
	NewEmail             string          `json:"new_email,omitempty"`
	EmailChangeSent      *time.Time      `json:"email_change_sent_at,omitempty"`
	NewPhone             string          `json:"new_phone,omitempty"`
	PhoneChangeSent      *time.Time      `json:"phone_change_sent_at,omitempty"`
	ReauthenticationSent *time.Time      `json:"reauthentication_sent_at,omitempty"`
	LastSignIn           *time.Time      `json:"last_sign_in_at,omitempty"`
	AppMetadata          json.RawMessage `json:"app_metadata"`
	UserMetadata         json.RawMessage `json:"user_metadata"`
	Factors              json.RawMessage `json:"factors,omitempty"`
	Identities           json.RawMessage `json:"identities"`
	Created              time.Time       `json:"created_at"`
	Updated              time.Time       `json:"updated_at"`
	BannedUntil          *time.Time      `json:"banned_until,omitempty"`
	Deleted              *time.Time      `json:"deleted_at,omitempty"`
	Anonymous            bool            `json:"is_anonymous"`
	SSO                  bool            `json:"is_sso_user,omitempty"`
}

// NewUser renders a user.
func NewUser(u *store.User) User {
	confirmed := u.EmailConfirmed
	if confirmed == nil || (u.PhoneConfirmed != nil && u.PhoneConfirmed.Before(*confirmed)) {
		confirmed = u.PhoneConfirmed
	}
	factors := u.Factors
	if string(factors) == "[]" {
		factors = nil
	}
	return User{
		ID: u.ID.String(), Audience: u.Audience, Role: u.Role, Email: u.Email, EmailConfirmed: utc(u.EmailConfirmed), Invited: utc(u.Invited), Phone: u.Phone,
		PhoneConfirmed: utc(u.PhoneConfirmed), ConfirmationSent: utc(u.ConfirmationSent), Confirmed: utc(confirmed), RecoverySent: utc(u.RecoverySent),
		NewEmail: u.EmailChange, EmailChangeSent: utc(u.EmailChangeSent), NewPhone: u.PhoneChange, PhoneChangeSent: utc(u.PhoneChangeSent),
		ReauthenticationSent: utc(u.ReauthenticationSent), LastSignIn: utc(u.LastSignIn), AppMetadata: u.AppMetadata, UserMetadata: u.UserMetadata,
		Factors: factors, Identities: u.Identities, Created: u.Created.UTC(), Updated: u.Updated.UTC(), BannedUntil: utc(u.BannedUntil),
		Deleted: utc(u.Deleted), Anonymous: u.Anonymous, SSO: u.SSO,
	}
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
