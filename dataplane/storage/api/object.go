package api

import (
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/name"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/dataplane/storage/serve"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// objectBody is a file as this API tells of it.
type objectBody struct {
	ID                 uuid.UUID       `json:"id"`
	Bucket             string          `json:"bucket"`
	Name               string          `json:"name"`
	Size               int64           `json:"size"`
	MimeType           string          `json:"mime_type"`
	ETag               string          `json:"etag"`
	CacheControl       string          `json:"cache_control"`
	ContentDisposition string          `json:"content_disposition,omitempty"`
	ContentEncoding    string          `json:"content_encoding,omitempty"`
	ContentLanguage    string          `json:"content_language,omitempty"`
	OwnerID            *string         `json:"owner_id"`
	Metadata           json.RawMessage `json:"metadata"`
	Created            time.Time       `json:"created_at"`
	Updated            time.Time       `json:"updated_at"`
}

func tellObject(o *object.Object) objectBody {
	m := o.Metadata
	user := o.UserMetadata
	if len(user) == 0 {
		user = json.RawMessage("{}")
	}
	return objectBody{
		o.ID, o.Bucket, o.Name, m.Size, m.MimeType, m.ETag, m.CacheControl, m.ContentDisposition, m.ContentEncoding, m.ContentLanguage, orNull(o.OwnerID), user,
		o.Created.UTC(), o.Updated.UTC(),
	}
}

// Bounds of a listing of files.
const (
	someObjects = 100
	mostObjects = 1000
)

type listBody struct {
	Objects []objectBody `json:"objects"`
	// Folders are what names go on with after the prefix, up to the delimiter.
	Folders    []string `json:"folders"`
	NextCursor *string  `json:"next_cursor"`
}

func (s *service) list(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	limit, err := number(r, "limit", someObjects, 1, mostObjects)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	column, descending := sorting(r)
	page, err := s.Objects.List(r.Context(), session, object.ListQuery{
		Bucket: r.PathValue("bucket"), Prefix: query.Get("prefix"), Delimiter: query.Get("delimiter"), Cursor: query.Get("cursor"), Search: query.Get("search"),
		Limit: limit, SortBy: column, Descending: descending, UserMetadata: true,
	})
	if err != nil {
		return err
	}
	out := listBody{Objects: []objectBody{}, Folders: page.Folders(), NextCursor: orNull(page.Next)}
	for _, e := range page.Entries {
		if e.Object != nil {
			out.Objects = append(out.Objects, tellObject(e.Object))
		}
	}
	if page.Next != "" {
		next(w, r, "cursor", page.Next)
	}
	protocol.WriteJSON(w, http.StatusOK, out)
	return nil
}

// metaPrefix begins the headers of user metadata, as the standard library writes them.
const metaPrefix = "X-Meta-"

// upload makes a file by POST, and makes or replaces one by PUT.
func (s *service) upload(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	bucket, name := address(r)
	h := r.Header
	if kind, _, err := mime.ParseMediaType(h.Get("Content-Type")); err == nil && kind == "multipart/form-data" {
		return fault.New(fault.Invalid, "INVALID_MIME_TYPE", "Send the file itself as the body, not a form: Content-Type is the file's.")
	}
	user, err := userMetadata(h)
	if err != nil {
		return err
	}
	o, err := s.Objects.Upload(r.Context(), session, object.Target{
		Bucket: bucket, Name: name, Upsert: r.Method == http.MethodPut, Size: r.ContentLength, MimeType: h.Get("Content-Type"), CacheControl: h.Get("Cache-Control"),
		ContentEncoding: h.Get("Content-Encoding"), ContentDisposition: h.Get("Content-Disposition"), ContentLanguage: h.Get("Content-Language"),
		UserMetadata: user, IfMatch: h.Get("If-Match"), IfNoneMatch: h.Get("If-None-Match"),
	}, r.Body)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if r.Method == http.MethodPost {
		status = http.StatusCreated
		w.Header().Set("Location", outer(r)+"/buckets/"+url.PathEscape(bucket)+"/objects/"+escape(name))
	}
	w.Header().Set("Etag", o.Metadata.ETag)
	protocol.WriteJSON(w, status, tellObject(o))
	return nil
}

// userMetadata takes the headers X-Meta-*, whose names are in lower case.
func userMetadata(h http.Header) (json.RawMessage, error) {
	var out map[string]string
	for key, values := range h {
		name, ok := strings.CutPrefix(key, metaPrefix)
		if !ok || name == "" {
			continue
		}
		value := strings.Join(values, ", ")
		if !utf8.ValidString(value) {
			return nil, fault.New(fault.Invalid, "INVALID_METADATA", "The header %s%s is not UTF-8.", metaPrefix, name)
		}
		if out == nil {
			out = map[string]string{}
		}
		out[strings.ToLower(name)] = value
	}
	if out == nil {
		return nil, nil
	}
	return json.Marshal(out)
}

// escape writes an object's name as the end of a path.
func escape(name string) string {
	segments := strings.Split(name, "/")
	for i, segment := range segments {
		segments[i] = url.PathEscape(segment)
	}
	return strings.Join(segments, "/")
}

func (s *service) download(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	bucket, name := address(r)
	o, err := s.Objects.Find(r.Context(), session, bucket, name)
	if err != nil {
		return err
	}
	return s.serve(w, r, session, o, true)
}

// public serves a file of a public bucket, whoever asks.
func (s *service) public(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	bucket, name := address(r)
	o, err := s.Objects.FindPublic(r.Context(), session, bucket, name)
	if err != nil {
		return err
	}
	return s.serve(w, r, session, o, false)
}

func (s *service) serve(w http.ResponseWriter, r *http.Request, session *projectdb.Session, o *object.Object, private bool) error {
	f := serve.File{Metadata: o.Metadata, Private: private, Open: func(ctx context.Context, from, to int64) (io.ReadCloser, error) {
		return s.Objects.Open(ctx, session, o, from, to)
	}}
	if query := r.URL.Query(); query.Has("download") {
		as := query.Get("download")
		if as == "" {
			as = path.Base(o.Name)
		}
		if err := checkFileName("download", as); err != nil {
			return err
		}
		f.Disposition = serve.Attachment(as)
	}
	if private {
		w.Header().Add("Vary", "Authorization, Apikey")
	}
	return serve.Object(w, r, f)
}

// checkFileName bounds a name to save a file by, which becomes a header.
func checkFileName(parameter, as string) error {
	if len(as) > name.MaxObject {
		return fault.New(fault.Invalid, "INVALID_PARAMETER", "%s must not be longer than %d bytes.", parameter, name.MaxObject)
	}
	return nil
}

func (s *service) deleteOne(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	bucket, name := address(r)
	gone, err := s.Objects.Delete(r.Context(), session, bucket, []string{name})
	if err != nil {
		return err
	}
	if len(gone) == 0 {
		return protocol.ErrNoSuchKey
	}
	return noContent(w)
}

// names reads a body that names files, at least one.
type names struct {
	Names []string `json:"names"`
}

// deleteMany answers with the names of those that are gone: what the caller may not remove is left out.
func (s *service) deleteMany(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	var in names
	if err := decode(w, r, &in); err != nil {
		return err
	}
	if len(in.Names) == 0 {
		return fault.New(fault.Invalid, "MISSING_PARAMETER", "Name the files by names.")
	}
	gone, err := s.Objects.Delete(r.Context(), session, r.PathValue("bucket"), in.Names)
	if err != nil {
		return err
	}
	out := struct {
		Deleted []string `json:"deleted"`
	}{make([]string, len(gone))}
	for i, o := range gone {
		out.Deleted[i] = o.Name
	}
	protocol.WriteJSON(w, http.StatusOK, out)
	return nil
}
