package mfa

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgerrcode"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/auth/webauthn"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
	"github.com/wayli-app/fluxbase/internal/setting"
)

type enrollment struct {
	FriendlyName string `json:"friendly_name"`
	FactorType   string `json:"factor_type"`
	Issuer       string `json:"issuer"`
	Phone        string `json:"phone"`
}

type enrolledTOTP struct {
	QRCode string `json:"qr_code"`
	Secret string `json:"secret"`
	URI    string `json:"uri"`
}

type enrolled struct {
	ID           uuid.UUID     `json:"id"`
	Type         string        `json:"type"`
	FriendlyName string        `json:"friendly_name"`
	TOTP         *enrolledTOTP `json:"totp,omitempty"`
	Phone        string        `json:"phone,omitempty"`
}

// newFactor is what is inserted of a factor.
type newFactor struct {
	id             uuid.UUID
	name, kind     string
	secret, phone  *string
	lastChallenged *time.Time
}

// enroll answers POST /factors: a factor is begun, and counts once a challenge to it was answered.
func (s *Service) enroll(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in enrollment
	if err := s.limit(r, bound, "mfa", nil); err != nil {
		return err
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	if err := in.check(bound.Project.Settings); err != nil {
		return err
	}
	var out enrolled
	err := store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		user, current, err := s.d.Sessions.Self(r, tx, bound)
		if err != nil {
			return err
		}
		out, err = s.insert(r.Context(), tx, bound.Project.Settings, user, current, in)
		if err != nil {
			return err
		}
		traits := map[string]any{"factor_id": out.ID, "factor_type": out.Type}
		return store.Audit(r.Context(), tx, bound.Project, event(r, "factor_in_progress", user, traits))
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, out)
	return nil
}

// check refuses what is wrong whoever asks for it.
func (in *enrollment) check(values setting.Values) error {
	switch in.FactorType {
	case kindTOTP, kindPhone, kindWebAuthn:
	default:
		return errKind
	}
	if !enabled(values, in.FactorType, "enroll") {
		return errEnroll[in.FactorType]
	}
	if len(in.FriendlyName) > maxName || strings.ContainsRune(in.FriendlyName, 0) {
		return protocol.ErrValidation("friendly_name must be text of no more than %d bytes", maxName)
	}
	if in.FactorType == kindWebAuthn {
		_, err := webauthn.Of(values)
		return err
	}
	if in.FactorType == kindPhone {
		if in.Phone == "" {
			return protocol.ErrValidation("Phone number required to enroll Phone factor")
		}
		_, err := protocol.NormalPhone(in.Phone)
		return err
	}
	return nil
}

func (s *Service) insert(ctx context.Context, tx *store.Tx, values setting.Values, user *store.User, current *store.Session, in enrollment) (enrolled, error) {
	next := newFactor{id: uuid.New(), name: in.FriendlyName, kind: in.FactorType}
	out := enrolled{ID: next.id, Type: next.kind, FriendlyName: next.name}
	factors, err := lockedFactors(ctx, tx, user.ID)
	if err != nil {
		return out, err
	}
	if next.kind == kindPhone {
		if factors, err = next.replace(ctx, tx, user.ID, factors, in.Phone); err != nil {
			return out, err
		}
		out.Phone = in.Phone
	}
	if err := mayEnroll(values, factors, next.name, current); err != nil {
		return out, err
	}
	if next.kind == kindTOTP {
		key, err := newSecret(values, user, in.Issuer)
		if err != nil {
			return out, err
		}
		drawn, err := picture(key.URL())
		if err != nil {
			return out, err
		}
		secret := key.Secret()
		next.secret, out.TOTP = &secret, &enrolledTOTP{QRCode: drawn, Secret: secret, URI: key.URL()}
	}
	_, err = tx.Exec(ctx, insertFactor, next.id, user.ID, next.name, next.kind, next.secret, next.phone, next.lastChallenged)
	if pg.Code(err) == pgerrcode.UniqueViolation {
		return out, errName(next.name)
	}
	return out, err
}

// replace makes the new factor of a phone take the place of one of the same number that was never verified. When the number was last sent a code is
// kept: enrolling again must not be a way to send it more.
func (n *newFactor) replace(ctx context.Context, tx *store.Tx, userID uuid.UUID, factors []factor, number string) ([]factor, error) {
	phone, err := protocol.NormalPhone(number)
	if err != nil {
		return nil, err
	}
	n.phone = &phone
	var kept []factor
	for _, f := range factors {
		switch {
		case f.kind != kindPhone || f.phone != phone:
			kept = append(kept, f)
		case f.verified:
			return nil, fault.New(fault.FailedPrecondition, "MFA_VERIFIED_FACTOR_EXISTS", "A verified phone factor already exists, unenroll the existing factor to continue")
		default:
			n.lastChallenged = f.lastChallenged
		}
	}
	if len(kept) < len(factors) {
		_, err = tx.Exec(ctx, deleteUnverifiedFactors, userID, kindPhone, phone)
	}
	return kept, err
}

// mayEnroll refuses a name that is taken, more factors than the project allows, and who has a second factor and has not shown it.
func mayEnroll(values setting.Values, factors []factor, name string, current *store.Session) error {
	switch most := int(setting.Get[int64](values, "auth.mfa.max_enrolled_factors")); {
	case named(factors, name):
		return errName(name)
	case len(factors) >= most:
		return fault.New(fault.FailedPrecondition, "TOO_MANY_ENROLLED_MFA_FACTORS", "Maximum number of verified factors reached, unenroll to continue")
	case countVerified(factors) > 0 && !raised(current):
		return errLevel
	}
	return nil
}

func errName(name string) error {
	return fault.New(fault.FailedPrecondition, "MFA_FACTOR_NAME_CONFLICT", "A factor with the friendly name %q for this user already exists", name)
}
