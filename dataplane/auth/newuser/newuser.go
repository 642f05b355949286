// Package newuser makes users: with the metadata and identities that follow from how they came, asked for by the project's hook, and recorded.
package newuser

import (
	"context"
	"encoding/json"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
)

const hookName = "before_user_created"

// Hooks ask a project's own code.
type Hooks interface {
	Enabled(p *directory.Project, name string) bool
	Call(ctx context.Context, session *projectdb.Session, name string, input, output any) error
}

// Maker makes users of every project.
type Maker struct{ hooks Hooks }

// New makes a maker; hooks may be nil.
func New(hooks Hooks) *Maker { return &Maker{hooks} }

// User is a user to be made.
type User struct {
	// ID is made when it is nil.
	ID uuid.UUID
	// Role is "authenticated" when empty.
	Role                           string
	Email, Phone, PasswordHash     string
	EmailConfirmed, PhoneConfirmed bool
	Invited, Anonymous, SSO        bool
	BannedUntil                    *time.Time
	// Data is what is said of the user, by themselves, the provider or an admin; AppData what the project says, beside provider and providers.
	Data, AppData protocol.Metadata
	// Given tells that an admin gave Data: then sub, address and number are not written into it.
	Given bool
	// Identities are those at providers. Without any, the address and the number are the user's identities.
	Identities []Identity

	// Action is the event that is recorded; "user_signedup" when empty, "-" for none. Actor and Developer did it; with neither and By unset, the
	// user themselves.
	Action    string
	Actor     *store.User
	Developer string
	// ByService tells that a secret key's holder did it.
	ByService bool
	Address   *netip.Addr
}

// Identity is a user's name at a provider, and what it says of them.
type Identity struct {
	Provider, ProviderID string
	Data                 protocol.Metadata
}

// Check asks the project's hook whether the user may be made. No transaction may be open. It gives the user their id.
func (m *Maker) Check(ctx context.Context, bound *projectdb.Session, u *User) error {
	if u.ID == uuid.Nil {
		u.ID = uuid.New()
	}
	if m.hooks == nil || !m.hooks.Enabled(bound.Project, hookName) {
		return nil
	}
	row, address := u.row(), ""
	if u.Address != nil {
		address = u.Address.String()
	}
	return m.hooks.Call(ctx, bound, hookName, map[string]any{
		"metadata": map[string]any{"uuid": uuid.NewString(), "time": time.Now().UTC().Format(time.RFC3339Nano), "name": "before-user-created", "ip_address": address},
		"user":     protocol.NewUser(planned(row, time.Time{})),
	}, nil)
}

// Insert makes the user in the transaction and records it, in one round trip. It returns nil when the id, the address or the number is taken: then
// nothing was made, and the transaction goes on.
func (m *Maker) Insert(ctx context.Context, tx pgx.Tx, p *directory.Project, u *User) (*store.User, error) {
	if u.ID == uuid.Nil {
		u.ID = uuid.New()
	}
	made, err := store.InsertAndRead(ctx, tx, u.row())
	switch {
	case err != nil:
		return nil, notSaved(err)
	case made == nil || u.Action == "-":
		return made, nil
	}
	return made, store.Audit(ctx, tx, p, u.event(made))
}

// Preview is the user that Insert would make, by as much work: for who must not learn that the address is taken.
func (m *Maker) Preview(ctx context.Context, tx pgx.Tx, u *User) (*store.User, error) {
	if u.ID == uuid.Nil {
		u.ID = uuid.New()
	}
	return store.PreviewUser(ctx, tx, u.row())
}

// planned is a row as the hook is told of it: a user without identities.
func planned(row store.NewUser, now time.Time) *store.User {
	out := &store.User{ID: row.ID, Audience: "authenticated", Role: row.Role, Email: row.Email, Phone: row.Phone, AppMetadata: row.AppMetadata,
		UserMetadata: row.UserMetadata, Anonymous: row.Anonymous, SSO: row.SSO, BannedUntil: row.BannedUntil, Created: now, Updated: now,
		Identities: json.RawMessage("[]")}
	if out.Role == "" {
		out.Role = "authenticated"
	}
	return out
}

func (u *User) event(made *store.User) store.Event {
	e := store.Event{Action: u.Action, Actor: u.Actor, Developer: u.Developer, Address: u.Address}
	if e.Action == "" {
		e.Action = "user_signedup"
	}
	if u.Actor == nil && u.Developer == "" && !u.ByService {
		e.Actor = made
	}
	provider, _ := u.providers()
	e.Traits = map[string]any{"user_id": made.ID, "user_email": made.Email, "user_phone": made.Phone, "provider": provider}
	return e
}

// notSaved names what clients know a refusal of the project's own triggers or constraints by.
func notSaved(err error) error {
	switch pg.Code(err) {
	case "":
		return err
	case pgerrcode.UniqueViolation: // two first sign-ins of one identity at once
		return protocol.ErrConflict
	}
	return fault.Wrap(err, fault.Internal, "USER_NOT_SAVED", "Database error saving new user")
}

// identities are the given ones, or those of address and number.
func (u *User) identities() []Identity {
	if len(u.Identities) > 0 || u.Anonymous {
		return u.Identities
	}
	var out []Identity
	for _, own := range []struct {
		provider, value string
		confirmed       bool
	}{{"email", u.Email, u.EmailConfirmed}, {"phone", u.Phone, u.PhoneConfirmed}} {
		if own.value == "" {
			continue
		}
		data := protocol.Metadata{}
		if !u.Given {
			data, _ = u.Data.Split()
			data = data.Clone()
		}
		data.Set("sub", u.ID.String())
		data.Set("email_verified", u.EmailConfirmed && u.Email != "")
		data.Set("phone_verified", u.PhoneConfirmed && u.Phone != "")
		data.Set(own.provider, own.value)
		out = append(out, Identity{Provider: own.provider, ProviderID: u.ID.String(), Data: data})
	}
	return out
}

func (u *User) providers() (first string, all []string) {
	for _, i := range u.identities() {
		all = append(all, i.Provider)
	}
	if len(all) > 0 {
		first = all[0]
	}
	return first, all
}

func (u *User) row() store.NewUser {
	out := store.NewUser{ID: u.ID, Role: u.Role, Email: u.Email, Phone: u.Phone, PasswordHash: u.PasswordHash, EmailConfirmed: u.EmailConfirmed,
		PhoneConfirmed: u.PhoneConfirmed, Invited: u.Invited, Anonymous: u.Anonymous, SSO: u.SSO, BannedUntil: u.BannedUntil}
	app, _ := u.AppData.Split()
	if first, all := u.providers(); len(all) > 0 {
		app.Set("provider", first)
		app.Set("providers", all)
	}
	out.AppMetadata, out.UserMetadata = app.Encode(), u.metadata().Encode()
	for _, i := range u.identities() {
		out.Identities = append(out.Identities, store.NewIdentity{Provider: i.Provider, ProviderID: i.ProviderID, Data: i.Data.Encode()})
	}
	return out
}

// metadata is what the user's metadata begins with.
func (u *User) metadata() protocol.Metadata {
	data, _ := u.Data.Split()
	switch {
	case u.Anonymous || len(u.Identities) > 0: // providers said all there is
	case u.Given:
		if u.EmailConfirmed && u.Email != "" {
			data.Set("email_verified", true)
		}
	default:
		data.Set("sub", u.ID.String())
		data.Set("email_verified", u.EmailConfirmed && u.Email != "")
		data.Set("phone_verified", u.PhoneConfirmed && u.Phone != "")
		if u.Email != "" {
			data.Set("email", u.Email)
		}
		if u.Phone != "" {
			data.Set("phone", u.Phone)
		}
	}
	return data
}
