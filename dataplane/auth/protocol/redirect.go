package protocol

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/internal/setting"
)

// Grant is what a successful sign-in or refresh answers.
type Grant struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	ExpiresAt    int64  `json:"expires_at"`
	RefreshToken string `json:"refresh_token"`
	User         User   `json:"user"`
	// Of the provider, right after a sign-in there.
	ProviderToken        string `json:"provider_token,omitempty"`
	ProviderRefreshToken string `json:"provider_refresh_token,omitempty"`
	// WeakPassword is told at a sign-in whose password would not be taken any more.
	WeakPassword *WeakPassword `json:"weak_password,omitempty"`
}

// RedirectTo is where a flow ends: what the request asks for by redirect_to (in its query, or else the header that older clients send), when the
// project allows it, and otherwise its site_url. Nothing else of the request is looked at.
func RedirectTo(values setting.Values, r *http.Request) string {
	asked := r.URL.Query().Get("redirect_to")
	if asked == "" {
		asked = r.Header.Get("Redirect_to")
	}
	return AllowedRedirect(values, asked)
}

// RedirectGrant sends the browser on with tokens in the fragment, which no server sees. Kind is the type of link that was followed, or "".
func RedirectGrant(w http.ResponseWriter, r *http.Request, to string, g Grant, kind string) {
	values := url.Values{}
	values.Set("access_token", g.AccessToken)
	values.Set("token_type", g.TokenType)
	values.Set("expires_in", strconv.FormatInt(g.ExpiresIn, 10))
	values.Set("expires_at", strconv.FormatInt(g.ExpiresAt, 10))
	values.Set("refresh_token", g.RefreshToken)
	for key, value := range map[string]string{"provider_token": g.ProviderToken, "provider_refresh_token": g.ProviderRefreshToken, "type": kind} {
		if value != "" {
			values.Set(key, value)
		}
	}
	// sb tells clients that the fragment is ours.
	redirect(w, r, withFragment(to, values.Encode()+"&sb="))
}

// RedirectCode sends the browser on with a code to be exchanged.
func RedirectCode(w http.ResponseWriter, r *http.Request, to, code string) {
	redirect(w, r, WithQuery(to, map[string]string{"code": code}))
}

// RedirectMessage sends the browser on with a message in the fragment, and for a flow with PKCE in the query too.
func RedirectMessage(w http.ResponseWriter, r *http.Request, to, message string, flow bool) {
	if flow {
		to = WithQuery(to, map[string]string{"message": message})
	}
	redirect(w, r, withFragment(to, url.Values{"message": {message}}.Encode()+"&sb="))
}

// RedirectError sends the browser on with the error in query and fragment, where GoTrue's clients look for it.
func RedirectError(w http.ResponseWriter, r *http.Request, to string, err error) {
	status, code, message := Answer(err)
	name, ok := oauthNames[status]
	if !ok {
		name = "access_denied"
	}
	fields := map[string]string{"error": name, "error_code": code, "error_description": message}
	values := url.Values{}
	for key, value := range fields {
		values.Set(key, value)
	}
	redirect(w, r, withFragment(WithQuery(to, fields), values.Encode()+"&sb="))
}

// oauthNames are the errors of RFC 6749 that statuses stand for.
var oauthNames = map[int]string{http.StatusBadRequest: "invalid_request", http.StatusUnauthorized: "unauthorized_client",
	http.StatusInternalServerError: "server_error", http.StatusServiceUnavailable: "temporarily_unavailable"}

// WithQuery adds parameters to an address.
func WithQuery(to string, fields map[string]string) string {
	u, err := url.Parse(to)
	if err != nil { // only addresses that were parsed before come here
		return to
	}
	query := u.Query()
	for key, value := range fields {
		query.Set(key, value)
	}
	u.RawQuery = query.Encode()
	return u.String()
}

func withFragment(to, fragment string) string {
	if i := strings.IndexByte(to, '#'); i >= 0 {
		to = to[:i]
	}
	return to + "#" + fragment
}

func redirect(w http.ResponseWriter, _ *http.Request, to string) {
	h := w.Header()
	h.Set("Location", to)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther)
}

// Redirect sends the browser on with status 302, as to a provider.
func Redirect(w http.ResponseWriter, to string) {
	h := w.Header()
	h.Set("Location", to)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusFound)
}

// Soon tells how long is left until something that was sent at a time may be sent again; zero or less is now.
func Soon(sent *time.Time, interval time.Duration, now time.Time) time.Duration {
	if sent == nil {
		return 0
	}
	return sent.Add(interval).Sub(now)
}
