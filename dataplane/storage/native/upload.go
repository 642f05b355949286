package native

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/dataplane/storage/sign"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// uploaded is the answer to an upload.
type uploaded struct {
	ID  string `json:"Id"`
	Key string `json:"Key"`
}

func (s *Service) upload(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	upsert := r.Header.Get("X-Upsert") == "true"
	return s.store(w, r, session, object.Target{Bucket: r.PathValue("bucket"), Name: r.PathValue(protocol.Rest), Upsert: upsert, Operation: "storage.object.upload"})
}

// update replaces a file. As at Supabase it makes one where there is none, for whom the policies let insert.
func (s *Service) update(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	return s.store(w, r, session, object.Target{Bucket: r.PathValue("bucket"), Name: r.PathValue(protocol.Rest), Upsert: true, Operation: "storage.object.upload_update"})
}

// uploadSigned takes a file from whoever has the signed URL: what it may do was judged when the URL was made.
func (s *Service) uploadSigned(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	grant, err := s.opened(r, session, sign.Upload)
	if err != nil {
		return err
	}
	return s.store(w, r, session.Elevated(), object.Target{
		Bucket: grant.Bucket, Name: grant.Name, Upsert: grant.Upsert, OwnerID: grant.Owner, Operation: "storage.object.upload_signed",
	})
}

// store takes a file from a request's body.
func (s *Service) store(w http.ResponseWriter, r *http.Request, session *projectdb.Session, t object.Target) error {
	t.IfMatch, t.IfNoneMatch = r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
	body, rest, err := read(r, &t)
	if err != nil {
		return err
	}
	ctx := r.Context()
	ticket, err := s.Objects.Begin(ctx, session, t)
	if err != nil {
		return err
	}
	written, err := s.Objects.Store(ctx, session, ticket, unbroken{body})
	if err != nil {
		return err
	}
	if rest != nil {
		if err := ticket.Restate(rest); err != nil {
			s.Objects.Discard(ctx, session, written)
			return err
		}
	}
	o, err := s.Objects.Commit(ctx, session, ticket, written)
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, uploaded{o.ID.String(), o.Bucket + "/" + o.Name})
	return nil
}

// read finds the file in a request, and what is said of it before it. rest, where there is one, reads what is said after it.
func read(r *http.Request, t *object.Target) (body io.Reader, rest func(*object.Target) error, err error) {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && kind == "multipart/form-data" {
		if parameters["boundary"] == "" {
			return nil, nil, protocol.ErrParameter("The form has no boundary: let your client set the header Content-Type.")
		}
		t.Most = max(r.ContentLength, 0)
		form := multipart.NewReader(r.Body, parameters["boundary"])
		file, err := readForm(form, t)
		return file, func(t *object.Target) error { return readRest(form, t) }, err
	}
	h := r.Header
	t.Size, t.MimeType, t.CacheControl = r.ContentLength, h.Get("Content-Type"), h.Get("Cache-Control")
	t.Most = max(t.Size, 0)
	t.ContentEncoding, t.ContentDisposition, t.ContentLanguage = h.Get("Content-Encoding"), h.Get("Content-Disposition"), h.Get("Content-Language")
	t.UserMetadata, err = metadataHeader(r)
	return r.Body, nil, err
}

// metadataHeader reads x-metadata: a JSON object in base64.
func metadataHeader(r *http.Request) (json.RawMessage, error) {
	text := r.Header.Get("X-Metadata")
	if text == "" {
		return nil, nil
	}
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		if decoded, err = base64.RawStdEncoding.DecodeString(text); err != nil {
			return nil, protocol.ErrParameter("headers/x-metadata must be a JSON object in base64.")
		}
	}
	return decoded, nil
}

// Bounds of a form.
const (
	maxFields = 20
	maxField  = 128 << 10
)

// readForm reads a form up to its file, which is not held. The file's own name is any, also none.
func readForm(form *multipart.Reader, t *object.Target) (io.Reader, error) {
	t.Size = -1
	for range maxFields {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return nil, fault.New(fault.Invalid, "INVALID_REQUEST", "No file provided: the form has no part with a file.")
		}
		if err != nil {
			return nil, formError(err)
		}
		if isFile(part) {
			if t.MimeType == "" {
				t.MimeType = part.Header.Get("Content-Type")
			}
			return part, nil
		}
		if err := readField(part, t); err != nil {
			return nil, err
		}
	}
	return nil, protocol.ErrParameter("The form has more than %d fields before its file.", maxFields)
}

// readRest reads the fields after the file, where storage-js puts cacheControl and metadata when an app gives it a form of its own. What the file
// is was said by then: its type stays.
func readRest(form *multipart.Reader, t *object.Target) error {
	for range maxFields {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return formError(err)
		case isFile(part):
			return protocol.ErrParameter("The form has more than one file: upload each by a request of its own.")
		}
		kind := t.MimeType
		if err := readField(part, t); err != nil {
			return err
		}
		t.MimeType = kind
	}
	return protocol.ErrParameter("The form has more than %d fields after its file.", maxFields)
}

func readField(part *multipart.Part, t *object.Target) error {
	value, err := io.ReadAll(io.LimitReader(part, maxField+1))
	if err != nil {
		return formError(err)
	}
	if len(value) > maxField {
		return protocol.ErrParameter("The field %.100q is larger than %d KiB.", part.FormName(), maxField>>10)
	}
	field(t, part.FormName(), string(value))
	return nil
}

// fields are the names of parts that are no file.
var fields = []string{"cacheControl", "contentType", "metadata"}

// isFile reports whether a part of a form is the file: it has a file's name or no name, or a type, which some clients give to fields too.
func isFile(part *multipart.Part) bool {
	_, parameters, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	_, named := parameters["filename"]
	return named || part.FormName() == "" || part.Header.Get("Content-Type") != "" && !slices.Contains(fields, part.FormName())
}

func field(t *object.Target, name, value string) {
	switch name {
	case "cacheControl":
		if t.CacheControl = value; value != "" && strings.Trim(value, "0123456789") == "" {
			t.CacheControl = "max-age=" + value
		}
	case "contentType":
		t.MimeType = value
	case "metadata":
		t.UserMetadata = json.RawMessage(value)
	}
}

func formError(err error) error {
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return protocol.Unreadable(err)
	}
	return fault.Wrap(err, fault.Invalid, "INVALID_REQUEST", "The form cannot be read: it is not multipart/form-data as RFC 7578 has it, or it ended early.")
}

// unbroken tells why a request's body ended early.
type unbroken struct{ from io.Reader }

// Read reads on.
func (b unbroken) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = protocol.Unreadable(err)
	}
	return n, err
}
