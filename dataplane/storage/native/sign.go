package native

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/name"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/dataplane/storage/sign"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// expiry is until when a signed URL is to last.
func (s *Service) expiry(seconds *int64) (time.Time, error) {
	if seconds == nil {
		return time.Time{}, protocol.ErrMissing("expiresIn")
	}
	if *seconds < 1 || *seconds > sign.MaxSeconds {
		return time.Time{}, protocol.ErrParameter("body/expiresIn must be 1 to %d seconds.", sign.MaxSeconds)
	}
	return s.Now().Add(time.Duration(*seconds) * time.Second), nil
}

// sign makes a URL by which whoever has it reads a file that the caller may read, or an image made of it.
func (s *Service) sign(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	var in struct {
		ExpiresIn *int64                     `json:"expiresIn"`
		Transform map[string]json.RawMessage `json:"transform"`
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	expires, err := s.expiry(in.ExpiresIn)
	if err != nil {
		return err
	}
	grant := sign.Grant{Use: sign.Download, Bucket: r.PathValue("bucket"), Name: r.PathValue(protocol.Rest), Expires: expires}
	enabled := s.Transform != nil && setting.Get[bool](session.Project.Settings, "storage.image_transformations_enabled")
	if len(in.Transform) > 0 && enabled {
		options, err := parameters(in.Transform)
		if err != nil {
			return err
		}
		if grant.Transform, err = s.Transform(options); err != nil {
			return err
		}
		grant.Use = sign.Render
	}
	if _, err := s.Objects.FindFor(r.Context(), session, "storage.object.sign", grant.Bucket, grant.Name); err != nil {
		return err
	}
	address, _, err := s.signed(session, grant)
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, struct {
		SignedURL string `json:"signedURL"`
	}{address})
	return nil
}

// parameters makes parameters of a URL of JSON: strings, numbers and booleans.
func parameters(options map[string]json.RawMessage) (url.Values, error) {
	out := url.Values{}
	for key, raw := range options {
		var text string
		switch {
		case string(raw) == "null":
			continue
		case raw[0] == '{' || raw[0] == '[':
			return nil, protocol.ErrParameter("body/transform/%.100s must be a number or a string.", key)
		case raw[0] != '"':
			text = string(raw)
		default:
			_ = json.Unmarshal(raw, &text) // it was decoded before
		}
		out.Set(key, text)
	}
	return out, nil
}

func (s *Service) signed(session *projectdb.Session, grant sign.Grant) (address, token string, err error) {
	token, err = sign.Token(session.Project, grant, s.Now())
	return grant.Address(token), token, err
}

// signedPath is the URL of one of many files, or why there is none.
type signedPath struct {
	Error     *string `json:"error"`
	Path      string  `json:"path"`
	SignedURL *string `json:"signedURL"`
}

// maxSigned bounds how many URLs are signed at once.
const maxSigned = 5000

func (s *Service) signMany(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	var in struct {
		ExpiresIn *int64   `json:"expiresIn"`
		Paths     []string `json:"paths"`
	}
	if err := protocol.Decode(w, r, &in); err != nil {
		return err
	}
	expires, err := s.expiry(in.ExpiresIn)
	switch {
	case err != nil:
		return err
	case len(in.Paths) == 0:
		return protocol.ErrMissing("paths")
	case len(in.Paths) > maxSigned:
		return protocol.ErrParameter("body/paths must not name more than %d files.", maxSigned)
	}
	var ask []string
	for _, path := range in.Paths {
		if name.Object(path) == nil {
			ask = append(ask, path)
		}
	}
	bucket := r.PathValue("bucket")
	found, err := s.Objects.FindMany(r.Context(), session, "storage.object.sign_many", bucket, ask)
	if err != nil {
		return err
	}
	readable := make(map[string]bool, len(found))
	for i := range found {
		readable[found[i].Name] = true
	}
	no := "Either the object does not exist or you do not have access to it"
	out := make([]signedPath, len(in.Paths))
	for i, path := range in.Paths {
		if out[i].Path = path; !readable[path] {
			out[i].Error = &no
			continue
		}
		address, _, err := s.signed(session, sign.Grant{Use: sign.Download, Bucket: bucket, Name: path, Expires: expires})
		if err != nil {
			return err
		}
		out[i].SignedURL = &address
	}
	protocol.WriteJSON(w, http.StatusOK, out)
	return nil
}

// signUpload makes a URL by which whoever has it uploads one file, which the caller may upload.
func (s *Service) signUpload(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	grant := sign.Grant{
		Use: sign.Upload, Bucket: r.PathValue("bucket"), Name: r.PathValue(protocol.Rest), Upsert: r.Header.Get("X-Upsert") == "true",
		Owner: session.Caller.Subject, Expires: s.Now().Add(sign.UploadFor),
	}
	target := object.Target{Bucket: grant.Bucket, Name: grant.Name, Upsert: grant.Upsert, Operation: "storage.object.sign_upload_url"}
	if err := s.Objects.Judge(r.Context(), session, target); err != nil {
		return err
	}
	address, token, err := s.signed(session, grant)
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, struct {
		URL   string `json:"url"`
		Token string `json:"token"`
	}{address, token})
	return nil
}
