package auth

import (
	"crypto/rand"
	"encoding/base32"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// audience is the claim aud of users' tokens.
const audience = "authenticated"

// grant is what a successful sign-in or refresh hands out.
type grant struct {
	user         *store.User
	session      *store.Session
	refreshToken string
}

type grantJSON struct {
	AccessToken  string   `json:"access_token"`
	TokenType    string   `json:"token_type"`
	ExpiresIn    int64    `json:"expires_in"`
	ExpiresAt    int64    `json:"expires_at"`
	RefreshToken string   `json:"refresh_token"`
	User         userBody `json:"user"`
}

func writeGrant(w http.ResponseWriter, p *directory.Project, g grant, now time.Time) error {
	life := setting.Get[int64](p.Settings, "auth.jwt_expiry")
	access, err := p.SigningKey.Sign(claims(p, g, now, life))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, grantJSON{AccessToken: access, TokenType: "bearer", ExpiresIn: life, ExpiresAt: now.Unix() + life,
		RefreshToken: g.refreshToken, User: userJSON(g.user)})
	return nil
}

func claims(p *directory.Project, g grant, now time.Time, life int64) map[string]any {
	return map[string]any{
		"iss":           p.URL + "/auth/v1",
		"sub":           g.user.ID.String(),
		"aud":           audience,
		"role":          "authenticated",
		"email":         g.user.Email,
		"phone":         g.user.Phone,
		"app_metadata":  g.user.AppMetadata,
		"user_metadata": g.user.UserMetadata,
		"session_id":    g.session.ID.String(),
		"aal":           g.session.AAL,
		"amr":           g.session.Methods,
		"is_anonymous":  g.user.Anonymous,
		"iat":           now.Unix(),
		"exp":           now.Unix() + life,
	}
}

var refreshTokenEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func newRefreshToken() string {
	var random [20]byte
	_, _ = rand.Read(random[:]) // never fails
	return refreshTokenEncoding.EncodeToString(random[:])
}

// isRefreshToken lets imported tokens of GoTrue's form through too, and keeps out what Postgres could not read.
func isRefreshToken(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

// signedIn loads the user of a request, whose token the gateway has verified, and requires their session to be there still.
// The session is nil for tokens that name none, which only holders of the project's secret can make.
func signedIn(r *http.Request, tx pgx.Tx, caller projectdb.Caller) (*store.User, *store.Session, error) {
	userID, sessionID, err := subject(r, caller)
	if err != nil {
		return nil, nil, err
	}
	user, session, err := store.UserAndSession(r.Context(), tx, userID, sessionID)
	switch {
	case err != nil:
		return nil, nil, err
	case user == nil:
		return nil, nil, errUserNotFound
	case caller.SessionID != "" && (session == nil || session.UserID != userID || session.Ended):
		return nil, nil, errSessionNotFound
	case user.BannedUntil != nil && time.Now().Before(*user.BannedUntil):
		return nil, nil, errUserBanned
	}
	return user, session, nil
}

func subject(r *http.Request, caller projectdb.Caller) (userID, sessionID uuid.UUID, err error) {
	if caller.Developer != "" || r.Header.Get("Authorization") == "" {
		return userID, sessionID, errNoBearer
	}
	if caller.Subject == "" {
		return userID, sessionID, errNoSubject
	}
	if userID, err = uuid.Parse(caller.Subject); err != nil {
		return userID, sessionID, errNoSubject
	}
	if caller.SessionID != "" {
		if sessionID, err = uuid.Parse(caller.SessionID); err != nil {
			return userID, sessionID, errSessionNotFound
		}
	}
	return userID, sessionID, nil
}
