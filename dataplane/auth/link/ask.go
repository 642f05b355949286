package link

import (
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/proof"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

type otpBody struct {
	asked
	Email   string            `json:"email"`
	Phone   string            `json:"phone"`
	Create  *bool             `json:"create_user"`
	Data    protocol.Metadata `json:"data"`
	Channel string            `json:"channel"`
}

// otp sends what signs a user in: by mail a link and a code, by text message a code.
func (s *Service) otp(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in otpBody
	if err := s.decode(w, r, bound, &in); err != nil {
		return err
	}
	switch {
	case in.Email != "" && in.Phone != "":
		return protocol.ErrValidation("Only an email address or phone number should be provided")
	case in.Email != "" && in.Channel != "":
		return protocol.ErrValidation("Channel should only be specified with Phone OTP")
	case in.Email == "" && in.Phone == "":
		return protocol.ErrValidation("One of email or phone must be set")
	}
	return s.signIn(w, r, bound, in)
}

// magicLink is otp for addresses only, as older clients ask.
func (s *Service) magicLink(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in otpBody
	if err := s.decode(w, r, bound, &in); err != nil {
		return err
	}
	if in.Email == "" {
		return protocol.ErrValidation("Password recovery requires an email")
	}
	in.Phone, in.Channel = "", ""
	return s.signIn(w, r, bound, in)
}

func (s *Service) signIn(w http.ResponseWriter, r *http.Request, bound *projectdb.Session, in otpBody) error {
	ask := proof.Ask{Create: in.Create == nil || *in.Create, Data: in.Data, Client: protocol.Client(r)}
	var err error
	if in.Email != "" {
		ask.Email, err = protocol.NormalEmail(in.Email)
	} else {
		ask.Channel = in.Channel
		if ask.Channel == "" {
			ask.Channel = message.ChannelSMS
		}
		ask.Phone, err = protocol.NormalPhone(in.Phone)
	}
	if err != nil {
		return err
	}
	if err := ask.Data.Validate(); err != nil {
		return err
	}
	if ask.Link, err = s.link(r, bound, in.asked); err != nil {
		return err
	}
	if err := s.d.Proofs.SignIn(r.Context(), bound, ask); err != nil {
		return err
	}
	return done(w)
}

// recover sends what lets a user in who has forgotten their password.
func (s *Service) recover(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in struct {
		asked
		Email string `json:"email"`
	}
	if err := s.decode(w, r, bound, &in); err != nil {
		return err
	}
	if in.Email == "" {
		return protocol.ErrValidation("Password recovery requires an email")
	}
	email, err := protocol.NormalEmail(in.Email)
	if err != nil {
		return err
	}
	link, err := s.link(r, bound, in.asked)
	if err != nil {
		return err
	}
	if err := s.d.Proofs.Recover(r.Context(), bound, email, link, protocol.Client(r)); err != nil {
		return err
	}
	return done(w)
}

// resend sends once more what was not confirmed.
func (s *Service) resend(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in struct {
		asked
		Type  string `json:"type"`
		Email string `json:"email"`
		Phone string `json:"phone"`
	}
	if err := s.decode(w, r, bound, &in); err != nil {
		return err
	}
	ask := proof.Ask{Channel: message.ChannelSMS, Client: protocol.Client(r)}
	byPhone := proof.ByPhone(in.Type)
	if !proof.Resends(in.Type) {
		return protocol.ErrValidation("Missing one of these types: signup, email_change, sms, phone_change")
	}
	var err error
	switch {
	case in.Email != "" && in.Phone != "":
		return protocol.ErrValidation("Only an email address or phone number should be provided.")
	case byPhone && in.Phone == "":
		return protocol.ErrValidation("Type provided requires a phone number")
	case !byPhone && in.Email == "":
		return protocol.ErrValidation("Type provided requires an email address")
	case byPhone:
		ask.Phone, err = protocol.NormalPhone(in.Phone)
	default:
		ask.Email, err = protocol.NormalEmail(in.Email)
	}
	if err != nil {
		return err
	}
	if ask.Link, err = s.link(r, bound, in.asked); err != nil {
		return err
	}
	if err := s.d.Proofs.Resend(r.Context(), bound, in.Type, ask); err != nil {
		return err
	}
	return done(w)
}
