package api

import (
	"net/http"
	"net/url"

	"github.com/go-chi/chi/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// SignUp is the body of a sign-up. Without an address and a number it asks for an anonymous user.
type SignUp struct {
	Email           string            `json:"email"`
	Phone           string            `json:"phone"`
	Password        string            `json:"password"`
	Data            protocol.Metadata `json:"data"`
	Channel         string            `json:"channel"`
	Challenge       string            `json:"code_challenge"`
	ChallengeMethod string            `json:"code_challenge_method"`
	Captcha         string            `json:"captcha_token"`
	// RedirectTo is where the link in the mail leads.
	RedirectTo string `json:"redirect_to"`
}

// SignIn is the body of a sign-in.
type SignIn struct {
	Email    string `json:"email"`
	Phone    string `json:"phone"`
	Password string `json:"password"`
	Captcha  string `json:"captcha_token"`
}

func (s *service) signUp(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in SignUp
	if err := s.decode(w, r, bound, "sign_in_sign_ups", &in); err != nil {
		return err
	}
	in.RedirectTo = protocol.AllowedRedirect(bound.Project.Settings, in.RedirectTo)
	granted, user, err := s.d.Doing.SignUp(r, bound, in)
	switch {
	case err != nil:
		return err
	case granted != nil:
		return s.write(r.Context(), w, bound, http.StatusCreated, granted)
	}
	protocol.WriteJSON(w, http.StatusCreated, signedIn{User: protocol.NewUser(user)})
	return nil
}

func (s *service) signIn(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in SignIn
	if err := s.decode(w, r, bound, "sign_in_sign_ups", &in); err != nil {
		return err
	}
	answer, err := s.d.Doing.SignIn(r, bound, in)
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, answerOf(answer))
	return nil
}

// decode counts the address of a request and reads its body.
func (s *service) decode(w http.ResponseWriter, r *http.Request, bound *projectdb.Session, what string, in any) error {
	if err := s.d.Guard.Address(r, bound, what); err != nil {
		return err
	}
	return protocol.Decode(w, r, in)
}

// signOut ends this session of the bearer, the others, or all of them.
func (s *service) signOut(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in struct {
		Scope string `json:"scope"`
	}
	if r.ContentLength != 0 {
		if err := protocol.Decode(w, r, &in); err != nil {
			return err
		}
	}
	if in.Scope == "" {
		in.Scope = "global"
	}
	if in.Scope != "global" && in.Scope != "local" && in.Scope != "others" {
		return protocol.ErrValidation("scope is one of global, local and others.")
	}
	if err := s.d.Sessions.SignOut(r, bound, in.Scope); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *service) refresh(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var in struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err := s.decode(w, r, bound, "token_refresh", &in); err != nil {
		return err
	}
	if in.RefreshToken == "" {
		return protocol.ErrValidation("refresh_token must be given.")
	}
	granted, err := s.d.Sessions.Renew(r.Context(), bound, in.RefreshToken, nil, protocol.Client(r))
	if err != nil {
		return err
	}
	return s.write(r.Context(), w, bound, http.StatusOK, granted)
}

// oauth answers with the address at which a sign-in at a provider begins. Parameters are those of GET /auth/v1/authorize, in the query or the body.
func (s *service) oauth(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	if err := s.d.Guard.Address(r, bound, "sign_in_sign_ups"); err != nil {
		return err
	}
	query := r.URL.Query()
	if r.Method == http.MethodPost && r.ContentLength != 0 {
		var in map[string]string
		if err := protocol.Decode(w, r, &in); err != nil {
			return err
		}
		for name, value := range in {
			query.Set(name, value)
		}
	}
	name, err := url.PathUnescape(chi.URLParam(r, "provider"))
	if err != nil {
		return errRoute
	}
	query.Set("provider", name)
	to, err := s.d.Doing.Leave(r, bound, query)
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, map[string]string{"provider": name, "url": to})
	return nil
}
