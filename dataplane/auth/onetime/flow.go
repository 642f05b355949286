package onetime

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed" // the statements
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/internal/fault"
)

//go:embed sql/start_flow.sql
var startFlow string

//go:embed sql/flow_by_id.sql
var flowByID string

//go:embed sql/flow_of_user.sql
var flowOfUser string

//go:embed sql/finish_flow.sql
var finishFlow string

//go:embed sql/issue_code.sql
var issueCode string

//go:embed sql/exchange_code.sql
var exchangeCode string

// How long a flow, and the code at its end, may take.
const (
	FlowLife = 10 * time.Minute
	CodeLife = 5 * time.Minute
)

var (
	errFlowNotFound = fault.New(fault.NotFound, "FLOW_STATE_NOT_FOUND", "invalid flow state, no valid flow state found")
	errFlowExpired  = fault.New(fault.FailedPrecondition, "FLOW_STATE_EXPIRED", "invalid flow state, flow state has expired")
	errVerifier     = fault.New(fault.Invalid, "BAD_CODE_VERIFIER", "code challenge does not match previously saved code verifier")
)

// Flow is a sign-in that ends elsewhere than it began: at a provider, or in a mail. With a challenge it ends in a code.
type Flow struct {
	ID uuid.UUID
	// UserID is whose sign-in it became; nil while that is not known.
	UserID *uuid.UUID
	// Challenge is that of PKCE (RFC 7636), or "". ChallengeMethod is "s256" or "plain".
	Challenge, ChallengeMethod string
	// Provider is "email", "google", …; Method is "oauth", "magiclink", "email/signup", "recovery", "invite", "email_change", "sso/saml", ….
	Provider, Method string
	// ProviderToken and ProviderRefreshToken are given out with the code's exchange.
	ProviderToken, ProviderRefreshToken string
	InviteToken                         string
	// Referrer is where the browser is sent in the end.
	Referrer string
	// LinkingTarget is the user whom the identity is to be linked to, or nil.
	LinkingTarget *uuid.UUID
	// ClientState is the row of oauth_client_states, for providers that ask us for PKCE.
	ClientState   *uuid.UUID
	EmailOptional bool
	// NotAfter is when the session that the code opens ends at the latest, or nil.
	NotAfter *time.Time
	Created  time.Time
}

// Expired tells that the flow has taken too long.
func (f *Flow) Expired(now time.Time) bool { return now.After(f.Created.Add(FlowLife)) }

// CheckChallenge refuses a challenge that is none of RFC 7636, and returns the method as it is kept. Both empty is no PKCE.
func CheckChallenge(challenge, method string) (string, error) {
	if challenge == "" && method == "" {
		return "", nil
	}
	if challenge == "" || method == "" {
		return "", protocol.ErrValidation("PKCE flow requires code_challenge_method and code_challenge")
	}
	method = strings.ToLower(method)
	if method != "s256" && method != "plain" {
		return "", protocol.ErrValidation("code challenge method not supported")
	}
	if len(challenge) < 43 || len(challenge) > 128 || strings.IndexFunc(challenge, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-._~", c))
	}) >= 0 {
		return "", protocol.ErrValidation("code challenge has to be between 43 and 128 characters of the alphabet of RFC 7636")
	}
	return method, nil
}

// Start stores a new flow; its ID is made when it has none.
func Start(ctx context.Context, tx pgx.Tx, f *Flow) error {
	var batch pgx.Batch
	QueueStart(&batch, f)
	return tx.SendBatch(ctx, &batch).Close()
}

// QueueStart is Start as a statement of a batch.
func QueueStart(batch *pgx.Batch, f *Flow) {
	if f.ID == uuid.Nil {
		f.ID = uuid.New()
	}
	batch.Queue(startFlow, f.ID, f.UserID, f.ChallengeMethod, f.Challenge, f.Provider, f.Method, f.InviteToken, f.Referrer, f.LinkingTarget,
		f.ClientState, f.EmailOptional)
}

// FlowByID returns a flow and holds it, or nil.
func FlowByID(ctx context.Context, tx pgx.Tx, id uuid.UUID) (*Flow, error) {
	return scanFlow(tx.QueryRow(ctx, flowByID, id))
}

// FlowOfUser returns the newest flow that a user began by a method, without a code yet, or nil.
func FlowOfUser(ctx context.Context, tx pgx.Tx, userID uuid.UUID, method string) (*Flow, error) {
	return scanFlow(tx.QueryRow(ctx, flowOfUser, userID, method))
}

// IssueCode ends a flow with a code, which is returned, for a user.
func IssueCode(ctx context.Context, tx pgx.Tx, flowID, userID uuid.UUID, providerToken, providerRefreshToken string) (string, error) {
	return IssueCodeUntil(ctx, tx, flowID, userID, providerToken, providerRefreshToken, nil)
}

// IssueCodeUntil is IssueCode for a session that ends at a time.
func IssueCodeUntil(ctx context.Context, tx pgx.Tx, flowID, userID uuid.UUID, providerToken, providerRefreshToken string, notAfter *time.Time) (string, error) {
	code := uuid.NewString()
	tag, err := tx.Exec(ctx, issueCode, flowID, userID, code, providerToken, providerRefreshToken, notAfter)
	if err == nil && tag.RowsAffected() != 1 {
		err = errFlowNotFound
	}
	return code, err
}

// Finish ends the newest flow that a user began by a method, and that has no code yet, with a code, which is returned.
func Finish(ctx context.Context, tx pgx.Tx, userID uuid.UUID, method string) (string, error) {
	code := uuid.NewString()
	tag, err := tx.Exec(ctx, finishFlow, userID, method, code)
	if err == nil && tag.RowsAffected() != 1 {
		err = errFlowNotFound
	}
	return code, err
}

// Exchange takes a code, which is gone afterwards whatever comes of it, when the caller commits: it does so also when refused is set.
func Exchange(ctx context.Context, tx pgx.Tx, code, verifier string) (flow *Flow, refused, err error) {
	if len(code) > 255 || strings.ContainsRune(code, 0) {
		return nil, errFlowNotFound, nil
	}
	var issued time.Time
	row := tx.QueryRow(ctx, exchangeCode, code)
	flow, err = scanFlowWith(row, &issued)
	switch {
	case err != nil:
		return nil, nil, err
	case flow == nil || flow.UserID == nil:
		return nil, errFlowNotFound, nil
	case time.Now().After(issued.Add(CodeLife)):
		return nil, errFlowExpired, nil
	case !verified(flow, verifier):
		return nil, errVerifier, nil
	}
	return flow, nil, nil
}

func verified(f *Flow, verifier string) bool {
	proof := verifier
	if f.ChallengeMethod == "s256" {
		sum := sha256.Sum256([]byte(verifier))
		proof = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return f.Challenge != "" && subtle.ConstantTimeCompare([]byte(proof), []byte(f.Challenge)) == 1
}

func scanFlow(row pgx.Row) (*Flow, error) {
	var issued time.Time
	return scanFlowWith(row, &issued)
}

func scanFlowWith(row pgx.Row, issued *time.Time) (*Flow, error) {
	var f Flow
	err := row.Scan(&f.ID, &f.UserID, &f.ChallengeMethod, &f.Challenge, &f.Provider, &f.Method, &f.ProviderToken, &f.ProviderRefreshToken,
		&f.InviteToken, &f.Referrer, &f.LinkingTarget, &f.ClientState, &f.EmailOptional, &f.Created, issued, &f.NotAfter)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &f, nil
}
