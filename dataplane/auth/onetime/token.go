// Package onetime keeps what is used once: the codes and links that are sent to users, and the codes that a flow with PKCE ends with.
//
// A message carries a code of a few digits and a link. Who enters the code must name the address too, and has few tries; the link holds all by itself,
// and so it cannot be computed from the code: it is as long as GoTrue's, and random. Hashes of codes are made as GoTrue makes them, and what
// it has sent, where the link is that hash, is good here too.
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

//go:embed sql/hold_user_of_link.sql
var holdUserOfLink string

//go:embed sql/of_link.sql
var ofLink string

//go:embed sql/hold_user_of_code.sql
var holdUserOfCode string

//go:embed sql/of_code.sql
var ofCode string

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

// flowPrefix marks links that end a flow with PKCE.
const flowPrefix = "pkce_"

// ForFlow marks what a link carries as ending a flow with PKCE.
func ForFlow(link string) string { return flowPrefix + link }

// IsForFlow tells such a link.
func IsForFlow(link string) bool { return strings.HasPrefix(link, flowPrefix) }

// newLink makes what a link carries, of the length of a hash.
func newLink(flow bool) string {
	var random [sha256.Size224]byte
	_, _ = rand.Read(random[:]) // never fails
	link := hex.EncodeToString(random[:])
	if flow {
		return ForFlow(link)
	}
	return link
}

// Issued is a token that was made: the code for people to enter, and what the link carries. Both are secrets.
type Issued struct{ Code, Link string }

// Issue makes a token for a user and stores it in place of an older one of its kind, and when it was sent. Recipient is the address or number that
// it is sent to, as it is stored. Flow marks the link as ending a flow with PKCE.
func Issue(ctx context.Context, tx pgx.Tx, userID uuid.UUID, kind Kind, recipient string, digits int, flow bool) (Issued, error) {
	var batch pgx.Batch
	issued := QueueIssue(&batch, userID, kind, recipient, digits, flow)
	return issued, tx.SendBatch(ctx, &batch).Close()
}

// QueueIssue is Issue as a statement of a batch. Without such a user it stores nothing.
func QueueIssue(batch *pgx.Batch, userID uuid.UUID, kind Kind, recipient string, digits int, flow bool) Issued {
	issued := Issued{Code: Code(digits), Link: newLink(flow)}
	batch.Queue(putToken, uuid.New(), userID, string(kind), issued.Link, recipient, Hash(recipient, issued.Code))
	return issued
}

// Put stores the hash of a code that no link is sent with, as Issue does.
func Put(ctx context.Context, tx pgx.Tx, userID uuid.UUID, kind Kind, hash, recipient string) error {
	_, err := tx.Exec(ctx, putToken, uuid.New(), userID, string(kind), hash, recipient, hash)
	return err
}

// Found is a token with its user.
type Found struct {
	Kind Kind
	// RelatesTo is where it was sent. It need not be the user's address any more.
	RelatesTo string
	Sent      time.Time
	// Flow tells that its link ends a flow with PKCE.
	Flow bool
	User *store.User
}

// Expired tells that it was sent longer ago.
func (f *Found) Expired(life time.Duration, now time.Time) bool { return now.After(f.Sent.Add(life)) }

// Find finds a token of one of some kinds by what its link carries, and holds its user's row, so that requests with one token take turns: the next
// finds it gone. It returns nil when there is none.
func Find(ctx context.Context, tx pgx.Tx, link string, of ...Kind) (*Found, error) {
	if len(link) > 255 || strings.ContainsRune(link, 0) {
		return nil, nil
	}
	return find(ctx, tx, holdUserOfLink, ofLink, link, names(of))
}

// FindCode is Find by the code, and the address or number that it was sent to.
func FindCode(ctx context.Context, tx pgx.Tx, recipient, code string, of ...Kind) (*Found, error) {
	return find(ctx, tx, holdUserOfCode, ofCode, recipient, names(of), Hash(recipient, code))
}

// FindSent is FindCode for codes that someone else has checked: it finds the newest that was sent there.
func FindSent(ctx context.Context, tx pgx.Tx, recipient string, of ...Kind) (*Found, error) {
	return find(ctx, tx, holdUserOfCode, ofCode, recipient, names(of), nil)
}

func names(of []Kind) []string {
	out := make([]string, len(of))
	for i, k := range of {
		out[i] = string(k)
	}
	return out
}

// find holds the user's row, and reads it with the token in a statement of its own, which sees what the one that held it before has done.
func find(ctx context.Context, tx pgx.Tx, hold, columns string, args ...any) (*Found, error) {
	var out Found
	var kind, link string
	var batch pgx.Batch
	batch.Queue(hold, args...)
	batch.Queue("select "+store.UserColumns+"\n"+columns, args...).QueryRow(func(row pgx.Row) (err error) {
		out.User, err = store.ScanUser(further{row, []any{&kind, &out.RelatesTo, &out.Sent, &link}})
		return err
	})
	switch err := tx.SendBatch(ctx, &batch).Close(); {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	}
	out.Kind, out.Flow = Kind(kind), IsForFlow(link)
	return &out, nil
}

// ForOwn tells that it was sent to what is the user's own, or wanted by them, still.
func (f *Found) ForOwn() bool {
	own := f.User.Email
	switch f.Kind {
	case EmailChangeNew:
		own = f.User.EmailChange
	case EmailChangeCurrent:
		if f.User.EmailChange == "" { // it was given up
			return false
		}
	case PhoneChange:
		own = f.User.PhoneChange
	case Confirmation, Recovery, Reauthentication:
		if f.User.Phone != "" && f.RelatesTo == f.User.Phone {
			return true
		}
	}
	return own != "" && strings.EqualFold(f.RelatesTo, own)
}

// further is a row with more columns after those of users.
type further struct {
	row pgx.Row
	to  []any
}

func (f further) Scan(dest ...any) error { return f.row.Scan(append(dest, f.to...)...) }

// Take removes tokens of a user of some kinds, all of them when none is named. It reports how many there were: whoever gets zero came too late.
func Take(ctx context.Context, tx pgx.Tx, userID uuid.UUID, of ...Kind) (int64, error) {
	var n int64
	err := tx.QueryRow(ctx, takeTokens, userID, names(of)).Scan(&n)
	return n, err
}

// QueueTake is Take as a statement of a batch, for tokens that were found.
func QueueTake(batch *pgx.Batch, userID uuid.UUID, of ...Kind) {
	batch.Queue(takeTokens, userID, names(of))
}
