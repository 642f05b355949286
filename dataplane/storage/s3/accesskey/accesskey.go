// Package accesskey keeps the access keys of the S3 protocol. They act as the service role, as Supabase's do; secrets are sealed, and shown once.
package accesskey

import (
	"context"
	"crypto/rand"
	_ "embed" // the statements
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/singleflight"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

//go:embed sql/create.sql
var createSQL string

//go:embed sql/lock.sql
var lockSQL string

//go:embed sql/list.sql
var listSQL string

//go:embed sql/find.sql
var findSQL string

//go:embed sql/delete.sql
var deleteSQL string

//go:embed sql/used.sql
var usedSQL string

const (
	// schema is the logical schema of storage's tables.
	schema = "storage"
	// MaxKeys is how many keys a project may have.
	MaxKeys = 50
	// Remembered is for how long a worker goes on with what it has read: so long a key that was deleted may go on to work.
	Remembered     = 3 * time.Second
	maxRemembered  = 16_384
	maxDescription = 200
	// usedAgain is how coarsely the last use is kept.
	usedAgain = time.Hour
)

// Sealer encrypts what is kept; seal.Sealer does.
type Sealer interface {
	Seal(plain []byte, context string) ([]byte, error)
	Open(sealed []byte, context string) ([]byte, error)
}

// Deps are what a Store needs.
type Deps struct {
	Sealer Sealer
	Log    *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Store keeps keys.
type Store struct {
	sealer Sealer
	log    *slog.Logger
	now    func() time.Time
	known  *lru.Cache[name, remembered]
	asking singleflight.Group
}

type name struct{ ref, id string }

// remembered is a key as it was read, or that there is none.
type remembered struct {
	secret string
	used   time.Time
	until  time.Time
}

// Key is an access key as it is listed.
type Key struct {
	ID          string     `json:"id"`
	Description string     `json:"description"`
	Created     time.Time  `json:"created_at"`
	LastUsed    *time.Time `json:"last_used_at"`
}

// New makes a Store.
func New(d Deps) *Store {
	known, err := lru.New[name, remembered](maxRemembered)
	if err != nil {
		panic(err) // the size is above nought
	}
	s := &Store{sealer: d.Sealer, log: d.Log, now: d.Now, known: known}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// ErrUnknown refuses a key that is not there, as S3 does.
var ErrUnknown = fault.New(fault.Denied, "INVALID_ACCESS_KEY_ID", "The AWS Access Key Id you provided does not exist in our records.")

var idForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// place is what a secret is sealed for: its row and project.
func place(session *projectdb.Session, id string) string {
	return "project/" + session.Project.ID + "/s3-access-key/" + id
}

// Secret returns a key's secret. It may be Remembered long out of date.
func (s *Store) Secret(ctx context.Context, session *projectdb.Session, id string) (string, error) {
	if !idForm.MatchString(id) {
		return "", ErrUnknown
	}
	key := name{session.Project.Ref, id}
	found, ok := s.known.Get(key)
	if !ok || !s.now().Before(found.until) {
		// Whoever waits for another's question goes on when that one's client leaves.
		read, err, _ := s.asking.Do(key.ref+"/"+id, func() (any, error) { return s.read(context.WithoutCancel(ctx), session, key) })
		if err != nil {
			return "", err
		}
		found = read.(remembered)
	}
	if found.secret == "" {
		return "", ErrUnknown
	}
	return found.secret, nil
}

// readTime bounds the question for a key.
const readTime = 5 * time.Second

func (s *Store) read(ctx context.Context, session *projectdb.Session, key name) (remembered, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	found := remembered{until: s.now().Add(Remembered)}
	var sealed []byte
	var used *time.Time
	err := session.InService(ctx, schema, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, findSQL, key.id).Scan(&sealed, &used)
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
	case err != nil:
		return found, fmt.Errorf("read an access key: %w", err)
	default:
		secret, err := s.sealer.Open(sealed, place(session, key.id))
		if err != nil {
			return found, fmt.Errorf("open the secret of an access key: %w", err)
		}
		if found.secret = string(secret); used != nil {
			found.used = *used
		}
	}
	s.known.Add(key, found)
	return found, nil
}

// Used notes that a key was used, once an hour. It fails nothing.
func (s *Store) Used(ctx context.Context, session *projectdb.Session, id string) {
	key := name{session.Project.Ref, id}
	found, ok := s.known.Get(key)
	if !ok || s.now().Sub(found.used) < usedAgain {
		return
	}
	found.used = s.now()
	s.known.Add(key, found)
	err := session.InService(ctx, schema, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, usedSQL, id)
		return err
	})
	if err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "the use of an access key could not be noted", "project", key.ref, "error", err)
	}
}

// Create makes a key. Its secret is returned this once.
func (s *Store) Create(ctx context.Context, session *projectdb.Session, description string) (Key, string, error) {
	description = strings.TrimSpace(description)
	if utf8.RuneCountInString(description) > maxDescription || strings.ContainsFunc(description, unicode.IsControl) {
		return Key{}, "", fault.New(fault.Invalid, "INVALID_PARAMETER", "The description must be up to %d characters, none of them a control character.", maxDescription)
	}
	k := Key{ID: random(16), Description: description}
	secret := random(32)
	sealed, err := s.sealer.Seal([]byte(secret), place(session, k.ID))
	if err != nil {
		return k, "", fmt.Errorf("seal the secret of an access key: %w", err)
	}
	made := false
	err = session.InService(ctx, schema, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockSQL); err != nil { // two that come at once count each other
			return err
		}
		err := tx.QueryRow(ctx, createSQL, k.ID, description, sealed, MaxKeys).Scan(&k.Created)
		made = err == nil
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	switch {
	case err != nil:
		return k, "", fmt.Errorf("make an access key: %w", err)
	case !made:
		return k, "", fault.New(fault.FailedPrecondition, "TOO_MANY_ACCESS_KEYS", "The project has %d access keys already. Delete one that is not used.", MaxKeys)
	}
	s.known.Remove(name{session.Project.Ref, k.ID})
	return k, secret, nil
}

// List lists the keys, the oldest first.
func (s *Store) List(ctx context.Context, session *projectdb.Session) (keys []Key, err error) {
	err = session.InService(ctx, schema, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, listSQL)
		if err != nil {
			return err
		}
		keys, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (k Key, err error) {
			err = row.Scan(&k.ID, &k.Description, &k.Created, &k.LastUsed)
			return k, err
		})
		return err
	})
	return keys, err
}

// Delete removes a key. On other workers it may go on to work for as long as they remember it.
func (s *Store) Delete(ctx context.Context, session *projectdb.Session, id string) error {
	gone := false
	err := session.InService(ctx, schema, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, deleteSQL, id)
		gone = tag.RowsAffected() > 0
		return err
	})
	s.known.Remove(name{session.Project.Ref, id})
	if err != nil {
		return fmt.Errorf("delete an access key: %w", err)
	}
	if !gone {
		return fault.New(fault.NotFound, "NO_SUCH_ACCESS_KEY", "There is no access key %.40q.", id)
	}
	return nil
}

func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
