package native

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/bucket"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
)

// stamp is a time as Supabase Storage writes it.
type stamp time.Time

// MarshalJSON writes it.
func (t stamp) MarshalJSON() ([]byte, error) {
	return []byte(time.Time(t).UTC().Format(`"2006-01-02T15:04:05.000Z"`)), nil
}

// bucketBody is a bucket as clients read it.
type bucketBody struct {
	ID               string   `json:"id"`
	Name             string   `json:"name"`
	Owner            string   `json:"owner"`
	Public           bool     `json:"public"`
	Type             string   `json:"type"`
	FileSizeLimit    *int64   `json:"file_size_limit"`
	AllowedMIMETypes []string `json:"allowed_mime_types"`
	Created          stamp    `json:"created_at"`
	Updated          stamp    `json:"updated_at"`
}

func bucketOf(b *bucket.Bucket) bucketBody {
	return bucketBody{b.ID, b.Name, b.Owner, b.Public, b.Type, b.FileSizeLimit, b.AllowedMIMETypes, stamp(b.Created), stamp(b.Updated)}
}

func (s *Service) listBuckets(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	query := r.URL.Query()
	q := bucket.Query{Search: query.Get("search"), SortColumn: query.Get("sortColumn")}
	var err error
	if q.Limit, err = number(query, "limit", 1); err != nil {
		return err
	}
	if q.Offset, err = number(query, "offset", 0); err != nil {
		return err
	}
	if q.Descending, err = descending(query.Get("sortOrder")); err != nil {
		return err
	}
	found, err := s.Buckets.List(r.Context(), session, q)
	if err != nil {
		return err
	}
	out := make([]bucketBody, len(found))
	for i := range found {
		out[i] = bucketOf(&found[i])
	}
	protocol.WriteJSON(w, http.StatusOK, out)
	return nil
}

func (s *Service) getBucket(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	found, err := s.Buckets.Get(r.Context(), session, r.PathValue("bucket"))
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, bucketOf(found))
	return nil
}

// size is a file_size_limit: a number of bytes, "20MB", or null.
type size struct {
	given bool
	bytes *int64
}

// UnmarshalJSON reads it.
func (z *size) UnmarshalJSON(raw []byte) error {
	z.given = true
	if bytes.Equal(raw, []byte("null")) {
		return nil
	}
	var text string
	if raw[0] != '"' {
		text = string(raw)
	} else if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	n, err := bucket.ParseSize(text)
	z.bytes = &n
	return err
}

// types is a list of MIME types, or null.
type types struct {
	given bool
	list  []string
}

// UnmarshalJSON reads it.
func (t *types) UnmarshalJSON(raw []byte) error {
	t.given = true
	if json.Unmarshal(raw, &t.list) != nil {
		return protocol.ErrParameter("body/allowed_mime_types must be a list of MIME types.")
	}
	return nil
}

type bucketInput struct {
	ID               string `json:"id"`
	Name             string `json:"name"`
	Type             string `json:"type"`
	Public           *bool  `json:"public"`
	FileSizeLimit    size   `json:"file_size_limit"`
	AllowedMIMETypes types  `json:"allowed_mime_types"`
}

func (s *Service) createBucket(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	var in bucketInput
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	if in.Name == "" {
		return protocol.ErrMissing("name")
	}
	if in.ID == "" {
		in.ID = in.Name
	}
	err := s.Buckets.Create(r.Context(), session, bucket.Bucket{
		ID: in.ID, Name: in.Name, Type: in.Type, Public: in.Public != nil && *in.Public, FileSizeLimit: in.FileSizeLimit.bytes, AllowedMIMETypes: in.AllowedMIMETypes.list,
	})
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, struct {
		Name string `json:"name"`
	}{in.Name})
	return nil
}

func (s *Service) updateBucket(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	var in bucketInput
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	err := s.Buckets.Update(r.Context(), session, r.PathValue("bucket"), bucket.Change{
		Public: in.Public, SetLimit: in.FileSizeLimit.given, FileSizeLimit: in.FileSizeLimit.bytes,
		SetTypes: in.AllowedMIMETypes.given, AllowedMIMETypes: in.AllowedMIMETypes.list,
	})
	if err != nil {
		return err
	}
	return done(w, "Successfully updated")
}

func (s *Service) deleteBucket(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	if err := s.Buckets.Delete(r.Context(), session, r.PathValue("bucket")); err != nil {
		return err
	}
	return done(w, "Successfully deleted")
}

func (s *Service) emptyBucket(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	whole, err := s.Buckets.Empty(r.Context(), session, r.PathValue("bucket"))
	if err != nil {
		return err
	}
	if !whole {
		return done(w, "Empty bucket has been queued. Completion may take up to an hour.")
	}
	return done(w, "Successfully emptied")
}

// number reads a whole number of a query, or 0 when it is not there.
func number(query url.Values, name string, least int64) (int64, error) {
	text := query.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < least {
		return 0, protocol.ErrParameter("querystring/%s must be a whole number from %d.", name, least)
	}
	return n, nil
}

func flag(query url.Values, name string) (bool, error) {
	switch query.Get(name) {
	case "true", "1":
		return true, nil
	case "", "false", "0":
		return false, nil
	}
	return false, protocol.ErrParameter("querystring/%s must be true or false.", name)
}

func descending(order string) (bool, error) {
	switch order {
	case "desc":
		return true, nil
	case "", "asc":
		return false, nil
	}
	return false, protocol.ErrParameter("The order must be asc or desc.")
}
