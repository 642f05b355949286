package oauthserver

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/auth/session"
	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// idToken tells a client who signed in. It has neither a role nor a session, and another audience than access tokens have: nobody takes it for one.
func idToken(p *directory.Project, g *session.Grant, c *client, nonce string, now time.Time) (string, error) {
	_, life := session.Claims(p, g, now)
	claims := profile(g.User, scopesOf(g.Session.Scopes))
	claims["iss"], claims["aud"], claims["iat"], claims["exp"] = issuer(p), c.id.String(), now.Unix(), now.Unix()+life
	claims["auth_time"] = g.Session.Created.Unix()
	if nonce != "" {
		claims["nonce"] = nonce
	}
	return p.SigningKey.Sign(claims)
}

// profileNames are the claims of the scope profile that are taken from the user's metadata, under their names there.
var profileNames = map[string][]string{
	"name":               {"full_name", "name"},
	"given_name":         {"given_name"},
	"family_name":        {"family_name"},
	"preferred_username": {"preferred_username", "user_name"},
	"picture":            {"avatar_url", "picture"},
	"locale":             {"locale"},
}

// profile is what a client with certain scopes may know of a user. Whether an address was confirmed is the project's own knowledge, never the metadata's, which
// users write.
func profile(u *store.User, granted []string) map[string]any {
	out := map[string]any{"sub": u.ID.String()}
	if slices.Contains(granted, "email") && u.Email != "" {
		out["email"], out["email_verified"] = u.Email, u.EmailConfirmed != nil
	}
	if slices.Contains(granted, "phone") && u.Phone != "" {
		out["phone_number"], out["phone_number_verified"] = "+"+u.Phone, u.PhoneConfirmed != nil
	}
	if !slices.Contains(granted, "profile") {
		return out
	}
	out["updated_at"] = u.Updated.Unix()
	var said map[string]any
	_ = json.Unmarshal(u.UserMetadata, &said) // a user without readable metadata has no names
	for claim, names := range profileNames {
		for _, name := range names {
			if text, ok := said[name].(string); ok && text != "" {
				out[claim] = text
				break
			}
		}
	}
	return out
}

// userinfo answers GET and POST /oauth/userinfo to an access token: a client's, by what it was granted, or the user's own.
func (s *Service) userinfo(w http.ResponseWriter, r *http.Request, bound *projectdb.Session) error {
	var out map[string]any
	err := store.InTx(r.Context(), bound, func(tx *store.Tx) error {
		user, current, err := s.d.Sessions.SignedIn(r, tx, bound)
		if err != nil {
			return err
		}
		granted := scopes
		if current != nil && current.ClientID != nil {
			granted = scopesOf(current.Scopes)
		}
		out = profile(user, granted)
		return nil
	})
	if err != nil {
		if status, _, _ := protocol.Answer(err); status == http.StatusUnauthorized || status == http.StatusForbidden {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		}
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, out)
	return nil
}
