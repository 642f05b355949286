package link

import (
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/auth/onetime"
	"github.com/wayli-app/fluxbase/dataplane/auth/proof"
	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// halfDone is told when one of the two addresses of a change is confirmed.
const halfDone = "Confirmation link accepted. Please proceed to confirm link sent to the other email"

var (
	errNoType   = protocol.ErrValidation("Verify requires a verification type")
	errBadType  = protocol.ErrValidation("Unsupported verification type")
	errMailType = protocol.ErrValidation("Invalid email verification type")
)

// follow takes the proof of a link, and sends the browser on: with a session, with a code to be exchanged for one, with a message, or with an error.
func (s *Service) follow(w http.ResponseWriter, r *http.Request, bound *projectdb.Session, rt *protocol.Router) error {
	if r.Method == http.MethodHead {
		// Whoever only looks whether there is something, as the scanners of mail do, uses up nothing.
		w.WriteHeader(http.StatusOK)
		return nil
	}
	if err := s.d.Guard.Address(r, bound, "verify"); err != nil {
		return err
	}
	query := r.URL.Query()
	kind, token := query.Get("type"), query.Get("token")
	switch {
	case kind == "":
		return errNoType
	case token == "":
		return protocol.ErrValidation("Verify requires a token or a token hash")
	}
	to := protocol.RedirectTo(bound.Project.Settings, r)
	flow := onetime.IsForFlow(token)
	taken, err := s.followed(r, bound, kind, token)
	if err == nil && taken.Granted != nil {
		var grant protocol.Grant
		if grant, err = s.d.Sessions.Answer(r.Context(), bound, taken.Granted); err == nil {
			protocol.RedirectGrant(w, r, to, grant, taken.Kind)
			return nil
		}
	}
	switch {
	case err != nil:
		rt.Log(r, bound, err)
		protocol.RedirectError(w, r, to, err)
	case taken.Half:
		protocol.RedirectMessage(w, r, to, halfDone, flow)
	default:
		protocol.RedirectCode(w, r, to, taken.AuthCode)
	}
	return nil
}

func (s *Service) followed(r *http.Request, bound *projectdb.Session, kind, token string) (*proof.Taken, error) {
	if !proof.Known(kind) || proof.ByPhone(kind) {
		return nil, errMailType
	}
	return s.d.Proofs.Verify(r.Context(), bound, proof.Shown{Kind: kind, Link: token, Flow: true, Client: protocol.Client(r)})
}

type verifyBody struct {
	Type      string `json:"type"`
	Token     string `json:"token"`
	TokenHash string `json:"token_hash"`
	Email     string `json:"email"`
	Phone     string `json:"phone"`
}

// shown is the proof in a body.
func (in verifyBody) shown(r *http.Request) (proof.Shown, error) {
	out := proof.Shown{Kind: in.Type, Client: protocol.Client(r)}
	var err error
	switch {
	case in.Type == "":
		err = errNoType
	case (in.Token == "") == (in.TokenHash == ""):
		err = protocol.ErrValidation("Verify requires either a token or a token hash")
	case !proof.Known(in.Type):
		err = errBadType
	case in.TokenHash != "" && (in.Email != "" || in.Phone != ""):
		err = protocol.ErrValidation("Only the token_hash and type should be provided")
	case in.TokenHash != "" && proof.ByPhone(in.Type):
		err = errMailType
	case in.TokenHash != "":
		out.Link = in.TokenHash
	case in.Phone != "" && in.Email == "" && proof.ByPhone(in.Type):
		out.Code = in.Token
		out.Phone, err = protocol.NormalPhone(in.Phone)
	case in.Email != "" && in.Phone == "" && !proof.ByPhone(in.Type):
		out.Code = in.Token
		out.Email, err = protocol.NormalEmail(in.Email)
	default:
		err = protocol.ErrValidation("Only an email address or phone number should be provided on verify")
	}
	return out, err
}

// verify takes a proof, and answers with a session.
func (s *Service) verify(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	if err := s.d.Guard.Address(r, bound, "verify"); err != nil {
		return err
	}
	var in verifyBody
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	shown, err := in.shown(r)
	if err != nil {
		return err
	}
	taken, err := s.d.Proofs.Verify(r.Context(), bound, shown)
	switch {
	case err != nil:
		return err
	case taken.Half:
		protocol.WriteJSON(w, http.StatusOK, map[string]string{"msg": halfDone, "code": "200"})
		return nil
	}
	return s.d.Sessions.Write(w, r, bound, taken.Granted)
}

// exchange answers POST /token?grant_type=pkce.
func (s *Service) exchange(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in struct {
		Code     string `json:"auth_code"`
		Verifier string `json:"code_verifier"`
	}
	if err := s.d.Guard.Address(r, bound, "token_refresh"); err != nil {
		return err
	}
	if err := protocol.Decode(w, r, &in); err != nil {
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
	protocol.WriteJSON(w, http.StatusOK, answer)
	return nil
}
