package store

import (
	"context"
	_ "embed" // the statements
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/internal/pg"
)

//go:embed sql/credential.sql
var credential string

//go:embed sql/upgrade_hash.sql
var upgradeHash string

//go:embed sql/insert_user.sql
var insertUser string

//go:embed sql/update_user.sql
var updateUser string

//go:embed sql/preview_user.sql
var previewUser string

//go:embed sql/mark_sent.sql
var markSent string

//go:embed sql/put_own_identity.sql
var putOwnIdentity string

//go:embed sql/sync_providers.sql
var syncProviders string

// Credential is what signing in with a password needs to know before the password is checked.
type Credential struct {
	// UserID is nil when there is no such user.
	UserID                                 *uuid.UUID
	PasswordHash                           string
	EmailConfirmed, PhoneConfirmed, Banned bool
	// Decoy is some user's hash, or "".
	Decoy string
}

// FindCredential finds a user by address, or by number when the address is "". It does the same work when there is none.
func FindCredential(ctx context.Context, tx pgx.Tx, email, phone string) (Credential, error) {
	var c Credential
	err := tx.QueryRow(ctx, credential, email, phone, uuid.NewSHA1(uuid.Nil, []byte(email+phone))).
		Scan(&c.UserID, &c.PasswordHash, &c.EmailConfirmed, &c.PhoneConfirmed, &c.Banned, &c.Decoy)
	return c, err
}

// UpgradeHash replaces a password's hash by a better one of the same password, unless the password was changed meanwhile.
func UpgradeHash(ctx context.Context, tx pgx.Tx, userID uuid.UUID, checked, better string) error {
	_, err := tx.Exec(ctx, upgradeHash, userID, checked, better)
	return err
}

// The ways to look a user up. Users of SSO are found by their identities only, since their address may be another user's.
var (
	userByEmail = "select " + UserColumns + "\nfrom users u\nwhere u.email = $1 and not u.is_sso_user and u.deleted_at is null"
	userByPhone = "select " + UserColumns + "\nfrom users u\nwhere u.phone = $1 and u.deleted_at is null"
	userLocked  = "select " + UserColumns + "\nfrom users u\nwhere u.id = $1 and u.deleted_at is null\nfor update of u"
	userOrGone  = "select " + UserColumns + "\nfrom users u\nwhere u.id = $1"
)

// UserByEmail returns the user of a normal address who does not sign in by SSO, or nil.
func UserByEmail(ctx context.Context, tx pgx.Tx, email string) (*User, error) {
	return orNil(scanUser(tx.QueryRow(ctx, userByEmail, email)))
}

// UserByPhone returns the user of a number in digits, or nil.
func UserByPhone(ctx context.Context, tx pgx.Tx, phone string) (*User, error) {
	return orNil(scanUser(tx.QueryRow(ctx, userByPhone, phone)))
}

// LockUser returns a user and holds the row until the transaction ends, or nil.
func LockUser(ctx context.Context, tx pgx.Tx, id uuid.UUID) (*User, error) {
	return orNil(scanUser(tx.QueryRow(ctx, userLocked, id)))
}

// UserOrGone is UserByID that finds users who were deleted softly too; nil when there is none.
func UserOrGone(ctx context.Context, tx pgx.Tx, id uuid.UUID) (*User, error) {
	return orNil(scanUser(tx.QueryRow(ctx, userOrGone, id)))
}

// NewUser is a user to insert, with its identities. Package newuser makes them.
type NewUser struct {
	ID uuid.UUID
	// Role is "authenticated" when empty.
	Role                           string
	Email, Phone, PasswordHash     string
	EmailConfirmed, PhoneConfirmed bool
	Invited, Anonymous, SSO        bool
	BannedUntil                    *time.Time
	AppMetadata, UserMetadata      json.RawMessage
	Identities                     []NewIdentity
}

// NewIdentity is a way in which a new user signs in: ProviderID is the user's name at the provider.
type NewIdentity struct {
	Provider, ProviderID string
	Data                 json.RawMessage
}

// InsertUser inserts a user with its identities; false says that the id, the address or the number is taken.
func InsertUser(ctx context.Context, tx pgx.Tx, u NewUser) (bool, error) {
	var made int
	err := tx.QueryRow(ctx, insertUser, u.insertArgs()...).Scan(&made)
	return made == 1, err
}

// InsertAndRead is InsertUser that answers with the user as it is then, in one round trip; nil when something is taken.
func InsertAndRead(ctx context.Context, tx pgx.Tx, u NewUser) (*User, error) {
	var made int
	var user *User
	var batch pgx.Batch
	batch.Queue(insertUser, u.insertArgs()...).QueryRow(func(row pgx.Row) error { return row.Scan(&made) })
	batch.Queue(userByID, u.ID).QueryRow(func(row pgx.Row) (err error) {
		user, err = orNil(scanUser(row))
		return err
	})
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil || made == 0 {
		return nil, err
	}
	return user, nil
}

// PreviewUser returns the user that InsertAndRead would make, by as much reading, and makes none: for who must not learn that the address is taken.
func PreviewUser(ctx context.Context, tx pgx.Tx, u NewUser) (*User, error) {
	var user *User
	var batch pgx.Batch
	batch.Queue(previewUser+"select "+UserColumns+"\nfrom users u", u.insertArgs()...).QueryRow(func(row pgx.Row) (err error) {
		user, err = scanUser(row)
		return err
	})
	batch.Queue(userByID, u.ID)
	return user, tx.SendBatch(ctx, &batch).Close()
}

// QueueMarkSent remembers now as the time of a confirmation that was not sent, because the user needs none.
func QueueMarkSent(batch *pgx.Batch, userID uuid.UUID) { batch.Queue(markSent, userID) }

func (u *NewUser) insertArgs() []any {
	role := u.Role
	if role == "" {
		role = "authenticated"
	}
	providers, names, data := make([]string, len(u.Identities)), make([]string, len(u.Identities)), make([]string, len(u.Identities))
	for i, identity := range u.Identities {
		providers[i], names[i], data[i] = identity.Provider, identity.ProviderID, string(identity.Data)
	}
	return []any{u.ID, "authenticated", role, u.Email, u.Phone, u.PasswordHash, u.EmailConfirmed, u.PhoneConfirmed, u.Invited, u.Anonymous, u.SSO,
		u.BannedUntil, u.AppMetadata, u.UserMetadata, providers, names, data}
}

// Change is what to change of a user; what is nil stays.
type Change struct {
	// PasswordHash is the new one, CheckedHash the one that was there when it was decided, or nil when that does not matter.
	PasswordHash, CheckedHash *string
	// Email and Phone replace the address and the number at once, with or without confirmation.
	Email, Phone                   *string
	EmailConfirmed, PhoneConfirmed *bool
	// EmailWanted and PhoneWanted are to be confirmed first; "" gives up what was wanted, as does a new address or number.
	EmailWanted, PhoneWanted *string
	// SetMetadata is merged into the user's metadata, RemoveMetadata taken out; SetApp and RemoveApp are those of app_metadata.
	SetMetadata, SetApp       json.RawMessage
	RemoveMetadata, RemoveApp []string
	Role                      *string
	// Ban tells that the ban changes: it lasts until BannedUntil, or is lifted when that is nil.
	Ban         bool
	BannedUntil *time.Time
	Anonymous   *bool
}

// Outcome is how a change ended.
type Outcome int

// The outcomes. Where something is taken, the transaction must be rolled back.
const (
	Changed    Outcome = iota
	NotChanged         // the user is gone, or its password was changed meanwhile
	EmailTaken
	PhoneTaken
)

// UpdateUser changes a user and tells how many bytes its metadata has now. A new address or number gets its identity.
func UpdateUser(ctx context.Context, tx pgx.Tx, id uuid.UUID, c Change) (metadataBytes int, _ Outcome, err error) {
	orEmpty := func(raw json.RawMessage) json.RawMessage {
		if len(raw) == 0 {
			return json.RawMessage("{}")
		}
		return raw
	}
	names := func(list []string) []string { return append([]string{}, list...) }
	var batch pgx.Batch
	batch.Queue(updateUser, id, c.PasswordHash, c.CheckedHash, c.Email, c.EmailConfirmed, c.Phone, c.PhoneConfirmed, orEmpty(c.SetMetadata),
		names(c.RemoveMetadata), orEmpty(c.SetApp), names(c.RemoveApp), c.Role, c.Ban, c.BannedUntil, c.EmailWanted, c.PhoneWanted, c.Anonymous).
		QueryRow(func(row pgx.Row) error { return row.Scan(&metadataBytes) })
	if c.Email != nil {
		batch.Queue(putOwnIdentity, id, "email", identityData("email", *c.Email, c.EmailConfirmed))
	}
	if c.Phone != nil {
		batch.Queue(putOwnIdentity, id, "phone", identityData("phone", *c.Phone, c.PhoneConfirmed))
	}
	if c.Email != nil || c.Phone != nil {
		batch.Queue(syncProviders, id)
	}
	err = tx.SendBatch(ctx, &batch).Close()
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, NotChanged, nil
	}
	outcome, err := taken(err)
	return metadataBytes, outcome, err
}

func identityData(what, value string, confirmed *bool) json.RawMessage {
	encoded, _ := json.Marshal(map[string]any{what: value, what + "_verified": confirmed != nil && *confirmed}) // strings and booleans only
	return encoded
}

// taken tells which of a user's unique things the violation of a constraint is about.
func taken(err error) (Outcome, error) {
	switch {
	case err == nil:
		return Changed, nil
	case pg.Code(err) != pgerrcode.UniqueViolation:
		return NotChanged, err
	case pg.Constraint(err) == "users_phone_key":
		return PhoneTaken, nil
	case pg.Constraint(err) == "users_email_partial_key":
		return EmailTaken, nil
	}
	return NotChanged, err
}

// QueueSyncProviders writes the providers of a user's identities into app_metadata, as a statement of a batch: after one was added or taken away.
func QueueSyncProviders(batch *pgx.Batch, userID uuid.UUID) { batch.Queue(syncProviders, userID) }

//go:embed sql/delete_user.sql
var deleteUser string

// DeleteUser removes a user with all that is theirs.
func DeleteUser(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	_, err := tx.Exec(ctx, deleteUser, id)
	return err
}
