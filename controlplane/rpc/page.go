package rpc

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/seal"
)

// defaultPage is the size of a page when the request names none; protovalidate bounds what it names.
const defaultPage = 50

// cursor is the last row of a page, by which the next one begins.
type cursor struct {
	Time *time.Time `json:"t,omitempty"`
	ID   *uuid.UUID `json:"i,omitempty"`
	Key  string     `json:"k,omitempty"`
}

func byTime(at time.Time, row uuid.UUID) cursor { return cursor{Time: &at, ID: &row} }

var errPageToken = &fault.Error{Kind: fault.Invalid, Reason: "PAGE_TOKEN_INVALID",
	Message: "The page token is not one that this list gave, or the request's other fields have changed. Begin at the first page.",
	Fields:  map[string]string{"page_token": "is not a token of this list"}}

// pager makes page tokens. They are sealed together with the list's name and filters, so a client can neither read nor make
// nor misuse one.
type pager struct{ sealer *seal.Sealer }

type paged interface {
	GetPageSize() int32
	GetPageToken() string
}

// page answers one page of a list. The scope names the list and everything that chooses its rows. fetch gets one row more
// than the page holds, to see whether there is a next one.
func page[T any](p pager, req paged, scope []any, fetch func(limit int, after cursor) ([]T, error), at func(T) cursor) ([]T, string, error) {
	where := "page/" + fmt.Sprintf("%q", scope)
	after, err := p.read(req.GetPageToken(), where)
	if err != nil {
		return nil, "", err
	}
	size := int(req.GetPageSize())
	if size == 0 {
		size = defaultPage
	}
	rows, err := fetch(size+1, after)
	if err != nil || len(rows) <= size {
		return rows, "", err
	}
	rows = rows[:size]
	next, err := p.write(at(rows[size-1]), where)
	return rows, next, err
}

func (p pager) write(c cursor, where string) (string, error) {
	plain, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode page token: %w", err)
	}
	sealed, err := p.sealer.Seal(plain, where)
	if err != nil {
		return "", fmt.Errorf("seal page token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

func (p pager) read(token, where string) (cursor, error) {
	var out cursor
	if token == "" {
		return out, nil
	}
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return out, errPageToken
	}
	plain, err := p.sealer.Open(sealed, where)
	if err != nil || json.Unmarshal(plain, &out) != nil {
		return out, errPageToken
	}
	return out, nil
}
