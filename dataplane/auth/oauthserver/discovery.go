package oauthserver

import (
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/setting"
	"github.com/wayli-app/fluxbase/internal/token"
)

// metadata describes the server to clients (RFC 8414, OpenID Connect Discovery).
type metadata struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	JWKSURI               string   `json:"jwks_uri"`
	UserinfoEndpoint      string   `json:"userinfo_endpoint"`
	RegistrationEndpoint  string   `json:"registration_endpoint,omitempty"`
	Scopes                []string `json:"scopes_supported"`
	ResponseTypes         []string `json:"response_types_supported"`
	ResponseModes         []string `json:"response_modes_supported"`
	GrantTypes            []string `json:"grant_types_supported"`
	SubjectTypes          []string `json:"subject_types_supported"`
	Algorithms            []string `json:"id_token_signing_alg_values_supported"`
	AuthMethods           []string `json:"token_endpoint_auth_methods_supported"`
	Claims                []string `json:"claims_supported"`
	ChallengeMethods      []string `json:"code_challenge_methods_supported"`
	NamesIssuer           bool     `json:"authorization_response_iss_parameter_supported"`
}

// discovery answers both documents under /.well-known. The one of OpenID is there also while the server is off: it tells where the keys are.
func (s *Service) discovery(w http.ResponseWriter, _ *http.Request, bound *projectdb.Session) error {
	base := issuer(bound.Project)
	out := metadata{Issuer: base, AuthorizationEndpoint: base + "/oauth/authorize", TokenEndpoint: base + "/oauth/token", JWKSURI: base + "/.well-known/jwks.json",
		UserinfoEndpoint: base + "/oauth/userinfo", Scopes: scopes, ResponseTypes: []string{"code"}, ResponseModes: []string{"query"},
		GrantTypes: []string{grantCode, grantRefresh}, SubjectTypes: []string{"public"}, Algorithms: []string{token.RS256, token.ES256, token.EdDSA},
		AuthMethods: []string{methodBasic, methodPost, methodNone}, ChallengeMethods: []string{"S256"}, NamesIssuer: true,
		Claims: []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "email", "email_verified", "phone_number", "phone_number_verified", "name",
			"given_name", "family_name", "preferred_username", "picture", "locale", "updated_at"}}
	if setting.Get[bool](bound.Project.Settings, "auth.oauth_server.dynamic_registration") {
		out.RegistrationEndpoint = base + "/oauth/clients/register"
	}
	w.Header().Set("Cache-Control", "public, max-age=600")
	protocol.WriteJSON(w, http.StatusOK, out)
	return nil
}
