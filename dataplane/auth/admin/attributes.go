package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/auth/newuser"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/password"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// attributes are what an admin sets of a user.
type attributes struct {
	ID           string            `json:"id"`
	Role         *string           `json:"role"`
	Email        string            `json:"email"`
	Phone        string            `json:"phone"`
	Password     string            `json:"password"`
	PasswordHash string            `json:"password_hash"`
	EmailConfirm *bool             `json:"email_confirm"`
	PhoneConfirm *bool             `json:"phone_confirm"`
	UserMetadata protocol.Metadata `json:"user_metadata"`
	AppMetadata  protocol.Metadata `json:"app_metadata"`
	BanDuration  string            `json:"ban_duration"`

	bans        bool
	bannedUntil *time.Time
}

// none lifts a ban.
const none = "none"

func (in *attributes) validate() (err error) {
	if in.Email != "" {
		if in.Email, err = protocol.NormalEmail(in.Email); err != nil {
			return err
		}
	}
	if in.Phone != "" {
		if in.Phone, err = protocol.NormalPhone(in.Phone); err != nil {
			return err
		}
	}
	if in.Role != nil && (*in.Role == "" || len(*in.Role) > 255) {
		return protocol.ErrValidation("role must be a text of up to 255 bytes")
	}
	switch {
	case in.Password != "" && in.PasswordHash != "":
		return protocol.ErrValidation("Only a password or a password hash should be provided")
	case in.PasswordHash != "":
		if err := password.CheckHash(in.PasswordHash); err != nil {
			return err
		}
	case !password.Fits(in.Password):
		return protocol.ErrValidation("Password cannot be longer than 72 bytes")
	}
	if in.BanDuration != "" {
		if err := in.ban(time.Now()); err != nil {
			return err
		}
	}
	if err := in.UserMetadata.Validate(); err != nil {
		return err
	}
	return in.AppMetadata.Validate()
}

func (in *attributes) ban(now time.Time) error {
	in.bans = true
	if in.BanDuration == none {
		return nil
	}
	d, err := time.ParseDuration(in.BanDuration)
	if err != nil || d <= 0 {
		return protocol.ErrValidation("invalid format for ban duration: write a duration such as 24h, or none")
	}
	until := now.Add(d)
	in.bannedUntil = &until
	return nil
}

func isTrue(b *bool) bool { return b != nil && *b }

// create makes a user as an admin says.
func (s *Service) create(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	ctx := r.Context()
	var in attributes
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	if err := in.validate(); err != nil {
		return err
	}
	if in.Email == "" && in.Phone == "" {
		return protocol.ErrValidation("Cannot create a user without either an email or phone")
	}
	user := &newuser.User{Email: in.Email, Phone: in.Phone, EmailConfirmed: in.Email != "" && isTrue(in.EmailConfirm), PhoneConfirmed: in.Phone != "" && isTrue(in.PhoneConfirm),
		Data: in.UserMetadata, AppData: in.AppMetadata, Given: true, BannedUntil: in.bannedUntil, PasswordHash: in.PasswordHash,
		ByService: true, Developer: bound.Caller.Developer, Address: protocol.Client(r).Address}
	if in.Role != nil {
		user.Role = *in.Role
	}
	if in.ID != "" {
		id, err := uuid.Parse(in.ID)
		if err != nil || id == uuid.Nil {
			return protocol.ErrValidation("ID must conform to the uuid v4 format")
		}
		user.ID = id
	}
	if in.Password != "" {
		hash, err := s.d.Hasher.Hash(ctx, bound.Project.Ref, in.Password)
		if err != nil {
			return err
		}
		user.PasswordHash = hash
	}
	if err := s.d.Users.Check(ctx, bound, user); err != nil {
		return err
	}
	var made *store.User
	err := store.InTx(ctx, bound, func(tx *store.Tx) (err error) {
		if made, err = s.d.Users.Insert(ctx, tx, bound.Project, user); err == nil && made == nil {
			err = whatIsTaken(ctx, tx, user)
		}
		return err
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, protocol.NewUser(made))
	return nil
}

var errIDTaken = fault.New(fault.FailedPrecondition, "USER_ALREADY_EXISTS", "A user with this ID has already been registered")

// whatIsTaken tells why a user could not be made.
func whatIsTaken(ctx context.Context, tx *store.Tx, u *newuser.User) error {
	if u.Email != "" {
		if other, err := store.UserByEmail(ctx, tx, u.Email); err != nil || other != nil {
			return or(err, protocol.ErrEmailExists)
		}
	}
	if u.Phone != "" {
		if other, err := store.UserByPhone(ctx, tx, u.Phone); err != nil || other != nil {
			return or(err, protocol.ErrPhoneExists)
		}
	}
	return errIDTaken
}

func or(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// update changes a user as an admin says. A new password, or a ban, ends what was open.
func (s *Service) update(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in attributes
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	if err := in.validate(); err != nil {
		return err
	}
	c, err := s.change(r.Context(), bound, &in)
	if err != nil {
		return err
	}
	var changed *store.User
	err = withUser(r, bound, func(ctx context.Context, tx *store.Tx, user *store.User) error {
		if user.Anonymous && (c.Email != nil || c.Phone != nil) {
			no := false
			c.Anonymous = &no
		}
		size, outcome, err := store.UpdateUser(ctx, tx, user.ID, c)
		switch {
		case err != nil:
			return err
		case outcome == store.EmailTaken:
			return protocol.ErrEmailExists
		case outcome == store.PhoneTaken:
			return protocol.ErrPhoneExists
		case outcome != store.Changed:
			return protocol.ErrNoSuchUser
		case len(in.UserMetadata) > 0 && size > protocol.MaxMetadata:
			return protocol.ErrMetadataSize()
		}
		if err := s.cut(ctx, tx, bound, user, &c); err != nil {
			return err
		}
		if err := store.Audit(ctx, tx, bound.Project, event(r, bound, "user_modified", user)); err != nil {
			return err
		}
		changed, err = store.UserByID(ctx, tx, user.ID)
		return err
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, protocol.NewUser(changed))
	return nil
}

// change is what the attributes change. It computes the hash of a password, with no transaction open.
func (s *Service) change(ctx context.Context, bound *projectdb.Session, in *attributes) (c store.Change, err error) {
	set, remove := in.UserMetadata.Split()
	c.SetMetadata, c.RemoveMetadata = set.Encode(), remove
	set, remove = in.AppMetadata.Split()
	c.SetApp, c.RemoveApp = set.Encode(), remove
	c.EmailConfirmed, c.PhoneConfirmed, c.Role = in.EmailConfirm, in.PhoneConfirm, in.Role
	c.Ban, c.BannedUntil = in.bans, in.bannedUntil
	if in.Email != "" {
		c.Email = &in.Email
	}
	if in.Phone != "" {
		c.Phone = &in.Phone
	}
	if nothing := ""; in.PasswordHash != "" || in.Password != "" {
		c.EmailWanted, c.PhoneWanted = &nothing, &nothing // somebody else's wish, perhaps
	}
	if in.PasswordHash != "" {
		c.PasswordHash = &in.PasswordHash
	}
	if in.Password == "" {
		return c, nil
	}
	if err := s.d.Rules.Check(ctx, bound.Project, in.Password); err != nil {
		return c, err
	}
	hash, err := s.d.Hasher.Hash(ctx, bound.Project.Ref, in.Password)
	c.PasswordHash = &hash
	return c, err
}

// cut ends the sessions of a user whose password was replaced, with the codes that were sent to them, and stops the tokens of one who was banned.
func (s *Service) cut(ctx context.Context, tx *store.Tx, bound *projectdb.Session, user *store.User, c *store.Change) error {
	if c.BannedUntil != nil {
		s.d.Sessions.Lock(tx, bound.Project, user.ID)
	}
	if c.PasswordHash == nil {
		return nil
	}
	if _, err := onetime.Take(ctx, tx, user.ID, onetime.Recovery, onetime.Reauthentication); err != nil {
		return err
	}
	return s.d.Sessions.End(ctx, tx, bound.Project, user.ID, nil, nil)
}
