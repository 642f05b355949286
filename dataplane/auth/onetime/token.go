// Package onetime keeps what is used once: the codes and links that are sent to users, and the codes that a flow with PKCE ends with. Only hashes of
// codes are stored, made as GoTrue makes them, so that what it has sent is good here too.
package onetime

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed" // the statements
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wayli-app/fluxbase/dataplane/auth/store"
)

// Kind is what a token is for. A user has at most one of each.
type Kind string

// The kinds, which are values of auth.one_time_token_type and columns of auth.users.
const (
	Confirmation       Kind = "confirmation_token"
	Reauthentication   Kind = "reauthentication_token"
	Recovery           Kind = "recovery_token"
	EmailChangeNew     Kind = "email_change_token_new"
	EmailChangeCurrent Kind = "email_change_token_current"
	PhoneChange        Kind = "phone_change_token"
)

//go:embed sql/put_token.sql
var putToken string

//go:embed sql/find_token.sql
var findToken string

//go:embed sql/take_tokens.sql
var takeTokens string

// Code makes a code of so many digits, each as likely as any other.
func Code(digits int) string {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	n, err := rand.Int(rand.Reader, limit)
	if err != nil { // never fails
		panic(err)
	}
	text := n.String()
	return strings.Repeat("0", digits-len(text)) + text
}

// Hash is what is stored of a code that is sent to an address or number: SHA-224 in hexadecimal digits.
func Hash(recipient, code string) string {
	sum := sha256.Sum224([]byte(recipient + code))
	return hex.EncodeToString(sum[:])
}

// flowPrefix marks tokens whose link ends a flow with PKCE.
const flowPrefix = "pkce_"

// ForFlow marks a hash as that of a link that ends a flow with PKCE.
func ForFlow(hash string) string { return flowPrefix + hash }

// IsForFlow tells such a hash.
func IsForFlow(hash string) bool { return strings.HasPrefix(hash, flowPrefix) }

// Put stores a token's hash in place of an older one of its kind, and when it was sent. RelatesTo is the address or number that it is sent to.
func Put(ctx context.Context, tx pgx.Tx, userID uuid.UUID, kind Kind, hash, relatesTo string) error {
	_, err := tx.Exec(ctx, putToken, uuid.New(), userID, string(kind), hash, relatesTo)
	return err
}

// Found is a token with its user.
type Found struct {
	Kind      Kind
	RelatesTo string
	Sent      time.Time
	User      *store.User
}

// Find finds a token of one of some kinds by its hash, with or without the mark of a flow, and holds its user's row, so that one code is used once. It
// returns nil when there is none.
func Find(ctx context.Context, tx pgx.Tx, hash string, of ...Kind) (*Found, error) {
	names := make([]string, len(of))
	for i, k := range of {
		names[i] = string(k)
	}
	var out Found
	var userID uuid.UUID
	var kind string
	err := tx.QueryRow(ctx, findToken, hash, names).Scan(&userID, &kind, &out.RelatesTo, &out.Sent)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out.Kind = Kind(kind)
	if out.User, err = store.UserByID(ctx, tx, userID); errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &out, err
}

// Take removes tokens of a user of some kinds, all of them when none is named. It reports how many there were: whoever gets zero came too late.
func Take(ctx context.Context, tx pgx.Tx, userID uuid.UUID, of ...Kind) (int64, error) {
	names := make([]string, len(of))
	for i, k := range of {
		names[i] = string(k)
	}
	var n int64
	err := tx.QueryRow(ctx, takeTokens, userID, names).Scan(&n)
	return n, err
}
