package proof

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// The types of proofs, as links and clients name them.
const (
	SignUp      = "signup"
	Invite      = "invite"
	MagicLink   = "magiclink"
	Recovery    = "recovery"
	Email       = "email" // whichever a mail to sign in or up carried
	EmailChange = "email_change"
	SMS         = "sms"
	PhoneChange = "phone_change"
)

// kinds are the tokens that prove a type.
var kinds = map[string][]onetime.Kind{
	SignUp:      {onetime.Confirmation},
	Invite:      {onetime.Confirmation},
	MagicLink:   {onetime.Recovery},
	Recovery:    {onetime.Recovery},
	Email:       {onetime.Confirmation, onetime.Recovery},
	EmailChange: {onetime.EmailChangeNew, onetime.EmailChangeCurrent},
	SMS:         {onetime.Confirmation, onetime.Recovery},
	PhoneChange: {onetime.PhoneChange},
}

// Known tells that it is a type.
func Known(kind string) bool { return kinds[kind] != nil }

// ByPhone tells a type that text messages prove.
func ByPhone(kind string) bool { return kind == SMS || kind == PhoneChange }

var errLinkExpired = fault.New(fault.Denied, "OTP_EXPIRED", "Email link is invalid or has expired")

// codeTries is how often a code may be tried for one address or number, from wherever: of a million codes, those few in the time that one is good.
var codeTries = guard.Rate{PerSecond: 1.0 / 30, Burst: 15}

// Shown is what someone shows as a proof.
type Shown struct {
	// Kind is a type of proofs.
	Kind string
	// Link is what a link carries; otherwise Code is a code that was sent to Email or Phone, which are in normal form.
	Link               string
	Code, Email, Phone string
	// Flow lets a link that was asked for with PKCE end in a code. Otherwise it opens a session at once, as for a server that follows the link by itself.
	Flow bool
	// PasswordHash is that of the password that the user sets with a proof of the type Recovery, or "".
	PasswordHash string
	Client       store.Client
}

// Taken is what came of a proof: one of its fields, or Half.
type Taken struct {
	// Kind is the type that it turned out to be.
	Kind string
	// Half tells that the other of two addresses has to be confirmed too.
	Half bool
	// AuthCode is to be exchanged for a session.
	AuthCode string
	// Granted is the session.
	Granted *session.Grant
}

// Verify takes a proof, which is good for once, and signs in who showed it.
func (s *Service) Verify(ctx context.Context, bound *projectdb.Session, shown Shown) (*Taken, error) {
	byOther := false
	if shown.Link == "" {
		if err := s.d.Guard.Tries(ctx, bound, "verify", shown.Email+shown.Phone, codeTries); err != nil {
			return nil, err
		}
		var err error
		if byOther, err = s.checkedElsewhere(ctx, bound, shown); err != nil {
			return nil, err
		}
	}
	var out *Taken
	err := store.InTx(ctx, bound, func(tx *store.Tx) error {
		found, err := lookUp(ctx, tx, shown, byOther)
		if err != nil {
			return err
		}
		if err := judge(bound, shown, found, byOther); err != nil {
			return err
		}
		out, err = s.take(ctx, tx, bound, shown, found)
		return err
	})
	return out, err
}

// checkedElsewhere tells that a code is right which the project or its provider knows, and the database does not. It asks for every number, known or not.
func (s *Service) checkedElsewhere(ctx context.Context, bound *projectdb.Session, shown Shown) (bool, error) {
	if !ByPhone(shown.Kind) {
		return false, nil
	}
	if code, test := message.TestOTP(bound.Project.Settings, shown.Phone); test {
		if !equal(code, shown.Code) {
			return false, protocol.ErrOTPExpired
		}
		return true, nil
	}
	if !message.ChecksCodes(bound.Project.Settings) {
		return false, nil
	}
	right, err := s.d.Messages.CheckCode(ctx, bound.Project, shown.Phone, shown.Code)
	if err == nil && !right {
		err = protocol.ErrOTPExpired
	}
	return right, err
}

func lookUp(ctx context.Context, tx *store.Tx, shown Shown, byOther bool) (*onetime.Found, error) {
	of := kinds[shown.Kind]
	switch {
	case shown.Link != "":
		return onetime.Find(ctx, tx, shown.Link, of...)
	case byOther:
		return onetime.FindSent(ctx, tx, shown.Phone, of...)
	}
	return onetime.FindCode(ctx, tx, shown.Email+shown.Phone, shown.Code, of...)
}

// judge refuses what was found, or was not. A ban is told only to who has the proof.
func judge(bound *projectdb.Session, shown Shown, found *onetime.Found, byOther bool) error {
	refused := protocol.ErrOTPExpired
	if shown.Link != "" {
		refused = errLinkExpired
	}
	// A provider that checks codes knows when they expire; fixed ones do not.
	if found == nil || !found.ForOwn() || (!byOther && found.Expired(life(bound.Project.Settings, ByPhone(shown.Kind)), time.Now())) {
		return refused
	}
	// One kind is sent to addresses and to numbers: which of the two was proved is what it was sent to.
	if (found.Kind == onetime.Confirmation || found.Kind == onetime.Recovery) && (found.RelatesTo == found.User.Phone) != ByPhone(shown.Kind) {
		return refused
	}
	switch {
	case found.User.Banned(time.Now()):
		return protocol.ErrUserBanned
	case shown.PasswordHash != "" && found.User.HasFactor():
		// A mail alone does not do: whoever has a second factor signs in with the proof, shows the factor, and changes the password then.
		return protocol.ErrInsufficientAAL
	}
	return nil
}

// take changes what the proof is good for, and signs the user in.
func (s *Service) take(ctx context.Context, tx *store.Tx, bound *projectdb.Session, shown Shown, found *onetime.Found) (*Taken, error) {
	out := &Taken{Kind: shown.Kind}
	if shown.Kind == Email {
		out.Kind = SignUp
		if found.Kind == onetime.Recovery {
			out.Kind = MagicLink
		}
	}
	// The project may have asked for both when they were sent, and for one now: that of the old address proves nothing of the new one.
	both := takesBoth(bound.Project, found.User) || found.Kind == onetime.EmailChangeCurrent
	if out.Kind == EmailChange && both && found.User.EmailChangeStatus == 0 {
		out.Half = true
		return out, store.HalfEmailChange(ctx, tx, found.User.ID, string(found.Kind))
	}
	if err := s.confirm(ctx, tx, bound, out.Kind, found, shown.Client); err != nil {
		return nil, err
	}
	if shown.PasswordHash != "" {
		if err := s.setPassword(ctx, tx, bound.Project, found.User, shown); err != nil {
			return nil, err
		}
	}
	var err error
	if found.Flow && shown.Flow {
		out.AuthCode, err = onetime.Finish(ctx, tx, found.User.ID, flowMethod(out.Kind))
		return out, err
	}
	provider := "email"
	if ByPhone(out.Kind) {
		provider = "phone"
	}
	out.Granted, err = s.d.Sessions.Open(ctx, tx, bound.Project, session.Opening{UserID: found.User.ID, Method: "otp", Provider: provider, Client: shown.Client})
	return out, err
}

// flowMethod is how a flow that ends with a link of a type was begun.
func flowMethod(kind string) string {
	switch kind {
	case SignUp:
		return toSignUp.method
	case MagicLink:
		return toSignIn.method
	}
	return kind // recovery, invite, email_change
}

// confirm makes true what the proof proves.
func (s *Service) confirm(ctx context.Context, tx *store.Tx, bound *projectdb.Session, kind string, found *onetime.Found, c store.Client) error {
	p, user := bound.Project, found.User
	event := store.Event{Action: "user_signedup", Actor: user, Address: c.Address, Traits: map[string]any{"provider": "email"}}
	switch kind {
	case EmailChange, PhoneChange:
		event.Action, event.Traits = "user_modified", nil
		if err := s.change(ctx, tx, p, kind, user); err != nil {
			return err
		}
		return store.Audit(ctx, tx, p, event)
	case Invite:
		event.Action = "invite_accepted"
	case SMS:
		event.Traits = map[string]any{"provider": "phone"}
	}
	confirmed := user.EmailConfirmed
	if kind == SMS {
		confirmed = user.PhoneConfirmed
	}
	if confirmed != nil {
		event.Action = "login"
	}
	var batch pgx.Batch
	onetime.QueueTake(&batch, user.ID, found.Kind)
	switch {
	case confirmed != nil:
	case kind == SMS:
		store.QueueConfirmPhone(&batch, user.ID)
	default:
		store.QueueConfirmEmail(&batch, user.ID)
	}
	store.QueueAudit(&batch, p, event)
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return err
	}
	if confirmed == nil && found.Kind == onetime.Recovery && user.OpenToMaker() && !on(p, "auth.email.allow_unverified_sign_in") {
		return s.shutOutMaker(ctx, tx, p, user)
	}
	return nil
}
