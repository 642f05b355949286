package api

import (
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/auth/guard"
	"github.com/wayli-app/fluxbase/dataplane/auth/message"
	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/proof"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// asked is the body of a request for a code or a link.
type asked struct {
	Email           string            `json:"email"`
	Phone           string            `json:"phone"`
	Create          *bool             `json:"create_user"`
	Data            protocol.Metadata `json:"data"`
	Channel         string            `json:"channel"`
	Challenge       string            `json:"code_challenge"`
	ChallengeMethod string            `json:"code_challenge_method"`
	Captcha         string            `json:"captcha_token"`
	RedirectTo      string            `json:"redirect_to"`
}

// read reads who asks for a code or a link, once a human has asked.
func (s *service) read(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) (ask proof.Ask, err error) {
	var in asked
	if err := s.decode(w, r, bound, "otp", &in); err != nil {
		return ask, err
	}
	ask = proof.Ask{Create: in.Create == nil || *in.Create, Data: in.Data, Channel: in.Channel, Client: protocol.Client(r)}
	switch {
	case (in.Email == "") == (in.Phone == ""):
		return ask, protocol.ErrValidation("Either email or phone must be given.")
	case in.Email != "":
		ask.Email, err = protocol.NormalEmail(in.Email)
	default:
		if ask.Channel == "" {
			ask.Channel = message.ChannelSMS
		}
		ask.Phone, err = protocol.NormalPhone(in.Phone)
	}
	if err != nil {
		return ask, err
	}
	ask.Link = proof.Link{RedirectTo: protocol.AllowedRedirect(bound.Project.Settings, in.RedirectTo), Challenge: in.Challenge}
	if ask.Link.ChallengeMethod, err = onetime.CheckChallenge(in.Challenge, in.ChallengeMethod); err != nil {
		return ask, err
	}
	return ask, s.d.Guard.Human(r, bound, guard.Security{Token: in.Captcha})
}

// sent tells that a message is on its way, if there is anyone to send it to.
func sent(w http.ResponseWriter) error {
	protocol.WriteJSON(w, http.StatusAccepted, struct{}{})
	return nil
}

// magicLink sends what signs a user in: a mail with a link and a code, or a text message with a code.
func (s *service) magicLink(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	ask, err := s.read(w, r, bound)
	if err != nil {
		return err
	}
	if err := s.d.Proofs.SignIn(r.Context(), bound, ask); err != nil {
		return err
	}
	return sent(w)
}

// reset sends what lets a user set a new password.
func (s *service) reset(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	ask, err := s.read(w, r, bound)
	if err != nil {
		return err
	}
	if ask.Email == "" {
		return protocol.ErrValidation("email must be given.")
	}
	if err := s.d.Proofs.Recover(r.Context(), bound, ask.Email, ask.Link, ask.Client); err != nil {
		return err
	}
	return sent(w)
}

// shown is a proof: the token of a link, or the code and where it was sent.
type shown struct {
	Type  string `json:"type"`
	Token string `json:"token"`
	Code  string `json:"code"`
	Email string `json:"email"`
	Phone string `json:"phone"`
}

func (in shown) proof(r *http.Request) (proof.Shown, error) {
	out := proof.Shown{Kind: in.Type, Link: in.Token, Code: in.Code, Client: protocol.Client(r)}
	var err error
	switch {
	case !proof.Known(in.Type):
		err = protocol.ErrValidation("type is one of signup, invite, magiclink, recovery, email, email_change, sms and phone_change.")
	case (in.Token == "") == (in.Code == ""):
		err = protocol.ErrValidation("Either token or code must be given.")
	case in.Token != "" && proof.ByPhone(in.Type):
		err = protocol.ErrValidation("A text message has a code: send it with the number.")
	case in.Token != "":
	case proof.ByPhone(in.Type):
		out.Phone, err = protocol.NormalPhone(in.Phone)
	default:
		out.Email, err = protocol.NormalEmail(in.Email)
	}
	return out, err
}

// verify takes a proof, and answers with a session.
func (s *service) verify(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in shown
	if err := s.decode(w, r, bound, "verify", &in); err != nil {
		return err
	}
	proved, err := in.proof(r)
	if err != nil {
		return err
	}
	taken, err := s.d.Proofs.Verify(r.Context(), bound, proved)
	switch {
	case err != nil:
		return err
	case taken.Half:
		protocol.WriteJSON(w, http.StatusAccepted, map[string]string{"message": "This address is confirmed. The other one has to be confirmed too."})
		return nil
	}
	return s.write(r.Context(), w, bound, http.StatusOK, taken.Granted)
}

// exchange makes a session of the code that a flow with PKCE ended in.
func (s *service) exchange(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in struct {
		Code     string `json:"code"`
		Verifier string `json:"code_verifier"`
	}
	if err := s.decode(w, r, bound, "token_refresh", &in); err != nil {
		return err
	}
	flow, granted, err := s.d.Proofs.Exchange(r.Context(), bound, in.Code, in.Verifier, protocol.Client(r))
	if err != nil {
		return err
	}
	answer, err := s.d.Sessions.Answer(r.Context(), bound, granted)
	if err != nil {
		return err
	}
	answer.ProviderToken, answer.ProviderRefreshToken = flow.ProviderToken, flow.ProviderRefreshToken
	protocol.WriteJSON(w, http.StatusOK, answerOf(answer))
	return nil
}

// updatePassword sets a new password: with the proof that a reset sent, or for the bearer.
func (s *service) updatePassword(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in struct {
		shown
		Password        string  `json:"password"`
		CurrentPassword string  `json:"current_password"`
		Nonce           *string `json:"nonce"`
	}
	if err := s.decode(w, r, bound, "verify", &in); err != nil {
		return err
	}
	if in.Password == "" {
		return protocol.ErrValidation("password must be given.")
	}
	if in.Token == "" && in.Code == "" {
		user, err := s.d.Doing.Change(r, bound, Change{Password: in.Password, CurrentPassword: in.CurrentPassword, Nonce: in.Nonce})
		if err == nil {
			protocol.WriteJSON(w, http.StatusOK, signedIn{User: protocol.NewUser(user)})
		}
		return err
	}
	in.Type = proof.Recovery
	proved, err := in.proof(r)
	if err != nil {
		return err
	}
	if err := s.d.Rules.Check(r.Context(), bound.Project, in.Password); err != nil {
		return err
	}
	// Before the proof is looked at, so that the time taken tells nothing of it; and with no transaction open.
	if proved.PasswordHash, err = s.d.Hasher.Hash(r.Context(), bound.Project.Ref, in.Password); err != nil {
		return err
	}
	taken, err := s.d.Proofs.Verify(r.Context(), bound, proved)
	if err != nil {
		return err
	}
	return s.write(r.Context(), w, bound, http.StatusOK, taken.Granted)
}
