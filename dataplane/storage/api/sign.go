package api

import (
	"net/http"
	"net/url"
	"path"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/dataplane/storage/sign"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// storagePrefix is where signed URLs lead: they are the same for all protocols.
const storagePrefix = "/storage/v1"

// mostSigned is how many URLs one request asks for.
const mostSigned = 1000

// signing asks for URLs that read files: of Name, or of Names.
type signing struct {
	Name  string   `json:"name"`
	Names []string `json:"names"`
	// ExpiresIn is in seconds.
	ExpiresIn int64 `json:"expires_in"`
	// Download, when it is there, has browsers save the file by that name; "" is its own.
	Download *string `json:"download"`
}

// signed is a URL, relative to the project's own address.
type signed struct {
	Name string `json:"name"`
	// URL is null for a file that is not there, or not the caller's to read.
	URL     *string    `json:"url"`
	Expires *time.Time `json:"expires_at,omitempty"`
	Token   string     `json:"token,omitempty"`
}

func (s *service) sign(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	var in signing
	if err := decode(w, r, &in); err != nil {
		return err
	}
	bucket := r.PathValue("bucket")
	one := in.Name != ""
	switch {
	case one && len(in.Names) > 0, !one && len(in.Names) == 0:
		return fault.New(fault.Invalid, "MISSING_PARAMETER", "Name one file by name, or several by names.")
	case len(in.Names) > mostSigned:
		return fault.New(fault.Invalid, "INVALID_PARAMETER", "Name at most %d files in one request.", mostSigned)
	case in.ExpiresIn < 1 || in.ExpiresIn > sign.MaxSeconds:
		return fault.New(fault.Invalid, "INVALID_PARAMETER", "expires_in must be a number of seconds from 1 to %d.", sign.MaxSeconds)
	}
	if in.Download != nil {
		if err := checkFileName("download", *in.Download); err != nil {
			return err
		}
	}
	if one {
		o, err := s.Objects.FindFor(r.Context(), session, "storage.object.sign", bucket, in.Name)
		if err != nil {
			return err
		}
		out, err := s.readable(session, in, o)
		if err != nil {
			return err
		}
		protocol.WriteJSON(w, http.StatusOK, out)
		return nil
	}
	found, err := s.Objects.FindMany(r.Context(), session, "storage.object.sign_many", bucket, in.Names)
	if err != nil {
		return err
	}
	known := make(map[string]*object.Object, len(found))
	for i := range found {
		known[found[i].Name] = &found[i]
	}
	out := struct {
		URLs []signed `json:"urls"`
	}{make([]signed, len(in.Names))}
	for i, name := range in.Names {
		out.URLs[i] = signed{Name: name}
		if o := known[name]; o != nil {
			if out.URLs[i], err = s.readable(session, in, o); err != nil {
				return err
			}
		}
	}
	protocol.WriteJSON(w, http.StatusOK, out)
	return nil
}

// readable signs a URL that reads a file.
func (s *service) readable(session *projectdb.Session, in signing, o *object.Object) (signed, error) {
	now := s.Now()
	g := sign.Grant{Use: sign.Download, Bucket: o.Bucket, Name: o.Name, Expires: now.Add(time.Duration(in.ExpiresIn) * time.Second)}
	token, err := sign.Token(session.Project, g, now)
	if err != nil {
		return signed{}, err
	}
	// Escaped as a whole: whoever follows it need not escape it again.
	address := storagePrefix + "/object/sign/" + url.PathEscape(g.Bucket) + "/" + escape(g.Name) + "?token=" + token
	if in.Download != nil {
		as := *in.Download
		if as == "" {
			as = path.Base(o.Name)
		}
		address += "&download=" + url.QueryEscape(as)
	}
	expires := g.Expires.UTC().Truncate(time.Second)
	return signed{Name: o.Name, URL: &address, Expires: &expires}, nil
}

// signUpload signs a URL that one file can be sent to, by PUT.
func (s *service) signUpload(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	var in struct {
		Name   string `json:"name"`
		Upsert bool   `json:"upsert"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	bucket := r.PathValue("bucket")
	err := s.Objects.Judge(r.Context(), session, object.Target{Bucket: bucket, Name: in.Name, Upsert: in.Upsert, Operation: "storage.object.sign_upload_url"})
	if err != nil {
		return err
	}
	now := s.Now()
	g := sign.Grant{Use: sign.Upload, Bucket: bucket, Name: in.Name, Upsert: in.Upsert, Owner: session.Caller.Subject, Expires: now.Add(sign.UploadFor)}
	token, err := sign.Token(session.Project, g, now)
	if err != nil {
		return err
	}
	address, expires := storagePrefix+g.Address(token), g.Expires.UTC().Truncate(time.Second)
	protocol.WriteJSON(w, http.StatusOK, signed{Name: in.Name, URL: &address, Expires: &expires, Token: token})
	return nil
}
