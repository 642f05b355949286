package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/bucket"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// bucketBody is a bucket as this API tells of it.
type bucketBody struct {
	ID               string    `json:"id"`
	Name             string    `json:"name"`
	Public           bool      `json:"public"`
	FileSizeLimit    *int64    `json:"file_size_limit"`
	AllowedMIMETypes []string  `json:"allowed_mime_types"`
	OwnerID          *string   `json:"owner_id"`
	Created          time.Time `json:"created_at"`
	Updated          time.Time `json:"updated_at"`
}

func tellBucket(b bucket.Bucket) bucketBody {
	return bucketBody{b.ID, b.Name, b.Public, b.FileSizeLimit, b.AllowedMIMETypes, orNull(b.Owner), b.Created.UTC(), b.Updated.UTC()}
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Bounds of a listing of buckets.
const (
	someBuckets = 100
	mostBuckets = 1000
	mostOffset  = 1_000_000
)

func (s *service) listBuckets(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	limit, err := number(r, "limit", someBuckets, 1, mostBuckets)
	if err != nil {
		return err
	}
	offset, err := number(r, "offset", 0, 0, mostOffset)
	if err != nil {
		return err
	}
	column, descending := sorting(r)
	found, err := s.Buckets.List(r.Context(), session, bucket.Query{
		Search: r.URL.Query().Get("search"), Limit: int64(limit) + 1, Offset: int64(offset), SortColumn: column, Descending: descending,
	})
	if err != nil {
		return err
	}
	if len(found) > limit {
		found = found[:limit]
		next(w, r, "offset", strconv.Itoa(offset+limit))
	}
	out := make([]bucketBody, len(found))
	for i, b := range found {
		out[i] = tellBucket(b)
	}
	protocol.WriteJSON(w, http.StatusOK, out)
	return nil
}

// bucketInput is what a bucket is made with and changed to. What is not named stays as it is.
type bucketInput struct {
	ID               string          `json:"id"`
	Name             string          `json:"name"`
	Public           *bool           `json:"public"`
	FileSizeLimit    given[*int64]   `json:"file_size_limit"`
	AllowedMIMETypes given[[]string] `json:"allowed_mime_types"`
}

func (s *service) createBucket(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	var in bucketInput
	if err := decode(w, r, &in); err != nil {
		return err
	}
	if in.ID == "" {
		in.ID = in.Name
	}
	if in.ID == "" {
		return fault.New(fault.Invalid, "MISSING_PARAMETER", "Name the bucket by name.")
	}
	if in.Name != "" && in.Name != in.ID {
		return fault.New(fault.Invalid, "INVALID_PARAMETER", "A bucket's id is its name: give one of them.")
	}
	err := s.Buckets.Create(r.Context(), session, bucket.Bucket{
		ID: in.ID, Public: in.Public != nil && *in.Public, FileSizeLimit: in.FileSizeLimit.value, AllowedMIMETypes: in.AllowedMIMETypes.value,
	})
	if err != nil {
		return err
	}
	w.Header().Set("Location", outer(r)+"/buckets/"+escape(in.ID))
	return s.tell(w, r, session, http.StatusCreated, in.ID)
}

// tell answers with a bucket. Who made or changed it may not be allowed to read it: then the answer is only its id.
func (s *service) tell(w http.ResponseWriter, r *http.Request, session *projectdb.Session, status int, id string) error {
	b, err := s.Buckets.Get(r.Context(), session, id)
	switch {
	case err == nil:
		protocol.WriteJSON(w, status, tellBucket(*b))
	case protocol.FromPostgres(err).Kind == fault.NotFound, protocol.FromPostgres(err).Kind == fault.Denied:
		protocol.WriteJSON(w, status, map[string]string{"id": id, "name": id})
	default:
		return err
	}
	return nil
}

func (s *service) getBucket(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	b, err := s.Buckets.Get(r.Context(), session, r.PathValue("bucket"))
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, tellBucket(*b))
	return nil
}

func (s *service) changeBucket(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	var in bucketInput
	if err := decode(w, r, &in); err != nil {
		return err
	}
	id := r.PathValue("bucket")
	if in.ID != "" && in.ID != id || in.Name != "" && in.Name != id {
		return fault.New(fault.Invalid, "INVALID_PARAMETER", "A bucket keeps its name.")
	}
	err := s.Buckets.Update(r.Context(), session, id, bucket.Change{
		Public: in.Public, SetLimit: in.FileSizeLimit.set, FileSizeLimit: in.FileSizeLimit.value, SetTypes: in.AllowedMIMETypes.set,
		AllowedMIMETypes: in.AllowedMIMETypes.value,
	})
	if err != nil {
		return err
	}
	return s.tell(w, r, session, http.StatusOK, id)
}

func (s *service) deleteBucket(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	if err := s.Buckets.Delete(r.Context(), session, r.PathValue("bucket")); err != nil {
		return err
	}
	return noContent(w)
}

// emptyBucket answers 202 where the rest goes later.
func (s *service) emptyBucket(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	done, err := s.Buckets.Empty(r.Context(), session, r.PathValue("bucket"))
	switch {
	case err != nil:
		return err
	case done:
		return noContent(w)
	}
	protocol.WriteJSON(w, http.StatusAccepted, map[string]string{"message": "The bucket holds many files; the rest are being removed."})
	return nil
}
