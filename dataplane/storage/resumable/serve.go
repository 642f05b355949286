package resumable

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	tusd "github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/exp/slog"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/dataplane/storage/sign"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// exchange is one request: what it is about, and the data store that tusd works on.
type exchange struct {
	s *Service
	r *http.Request
	// session is who asks, as whom the upload is judged.
	session *projectdb.Session
	// role and owner are whose uploads the caller may touch; grant is what a signed request may.
	role, owner string
	grant       *sign.Grant
	folder      string
	id          string

	// asked is what a new upload says of itself.
	asked *row
	body  *meter
	sum   *digest
	// made is the upload that the request made, shown the one that it asks for.
	made  *upload
	shown *row
	// err is the data store's last fault.
	err error
}

// answer makes a handler of one that answers to TUS of a version, and tells its errors.
func (s *Service) answer(signed bool, serve func(x *exchange, w http.ResponseWriter) error) protocol.Handler {
	return func(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
		ctx, cancel := context.WithCancel(r.Context()) // ends what tusd began
		defer cancel()
		h := w.Header()
		h.Set(headerVersion, version)
		h.Set("Cache-Control", "no-store")
		x, err := s.exchange(r.WithContext(ctx), session, signed)
		if err == nil {
			err = serve(x, w)
		}
		if err != nil {
			s.writeError(w, r, session, err)
		}
		return nil
	}
}

// roleSigned is the role of uploads by who holds a token.
const roleSigned = "signed"

func (s *Service) exchange(r *http.Request, session *projectdb.Session, signed bool) (*exchange, error) {
	x := &exchange{s: s, r: r, session: session, role: session.Caller.Role, owner: session.Caller.Subject, folder: folder, id: r.PathValue("id")}
	if r.Header.Get(headerVersion) != version {
		return nil, errVersion
	}
	asked, err := method(r)
	if err != nil {
		return nil, err
	}
	x.r.Method = asked
	if signed {
		token := r.Header.Get("X-Signature")
		if token == "" {
			return nil, fault.New(fault.Invalid, "INVALID_SIGNATURE", "Missing x-signature header")
		}
		grant, err := sign.Open(session.Project, token, sign.Upload, s.d.Now())
		if err != nil {
			return nil, err
		}
		x.grant, x.session, x.role, x.owner, x.folder = &grant, session.Elevated(), roleSigned, grant.Owner, signedFolder
	}
	return x, nil
}

// mine reports whether the caller may know of an upload: it is the caller's own, and of the file that a token is for.
func (x *exchange) mine(r *row) bool {
	return r.role == x.role && r.owner == x.owner && (x.grant == nil || r.bucket == x.grant.Bucket && r.name == x.grant.Name && (x.grant.Upsert || !r.upsert))
}

// find reads the caller's upload.
func (x *exchange) find(ctx context.Context, id string) (*row, error) {
	r, err := find(ctx, x.session, id)
	if err == nil {
		err = x.allow(r)
	}
	return r, err
}

func (x *exchange) allow(r *row) error {
	switch {
	case !x.mine(r) || r.state.Ending:
		return errNoUpload
	case !x.s.d.Now().Before(r.expires):
		return errExpired
	}
	return nil
}

// address is where an upload is for who came this way: by the project's own host, or else relative to whatever the client asked.
func (x *exchange) address(id string) string {
	path := "/storage/v1" + x.folder + "/" + id
	if prefix := x.r.Header.Get("X-Forwarded-Prefix"); prefix != "" { // the gateway's
		return prefix + path
	}
	if own, err := url.Parse(x.session.Project.URL); err == nil && own.Host != "" && own.Host == x.r.Host {
		return x.session.Project.URL + path
	}
	return path
}

// silent is tusd's logger.
type silent struct{}

// Enabled is false: the gateway logs requests.
func (silent) Enabled(context.Context, slog.Level) bool  { return false }
func (silent) Handle(context.Context, slog.Record) error { return nil }
func (s silent) WithAttrs([]slog.Attr) slog.Handler      { return s }
func (s silent) WithGroup(string) slog.Handler           { return s }

var quiet = slog.New(silent{})

// run lets tusd serve the request.
func (x *exchange) run(w http.ResponseWriter, serve func(*tusd.UnroutedHandler, http.ResponseWriter, *http.Request)) error {
	composer := tusd.NewStoreComposer()
	composer.UseCore(x)
	composer.UseTerminater(x)
	composer.UseConcater(x)
	composer.UseLengthDeferrer(x)
	composer.UseLocker(x)
	h, err := tusd.NewUnroutedHandler(tusd.Config{
		StoreComposer: composer, BasePath: x.folder + "/", Cors: &tusd.CorsConfig{Disable: true}, Logger: quiet,
		AcquireLockTimeout: lockWait, GracefulRequestCompletionTimeout: time.Millisecond, // the data store's work has its own time
	})
	if err != nil {
		return err
	}
	r := *x.r
	r.URL = &url.URL{Path: "/" + x.id}
	out := &caught{ResponseWriter: w, x: x}
	serve(h, out, &r)
	return out.err()
}

// options tells what the server can do. It says nothing of the project but its limit.
func (s *Service) options(w http.ResponseWriter, _ *http.Request, session *projectdb.Session) error {
	h := w.Header()
	h.Set(headerVersion, version)
	h.Set("Tus-Version", version)
	h.Set("Tus-Extension", "creation,creation-with-upload,creation-defer-length,termination,checksum,concatenation,expiration")
	h.Set("Tus-Checksum-Algorithm", algorithms)
	h.Set("Tus-Max-Size", strconv.FormatInt(maxSize(session), 10))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func maxSize(session *projectdb.Session) int64 {
	most := setting.Get[int64](session.Project.Settings, "storage.file_size_limit")
	if plan := session.Project.Limits.MaxFileBytes; plan > 0 {
		most = min(most, plan)
	}
	return most
}

// create begins an upload.
func (s *Service) create(x *exchange, w http.ResponseWriter) (err error) {
	h := x.r.Header
	if x.r.Method != http.MethodPost {
		return errNoUpload
	}
	if x.asked, err = x.read(h); err != nil {
		return err
	}
	hasChunk := h.Get("Content-Type") == chunkType
	if x.sum, err = parseChecksum(h.Get("Upload-Checksum")); err != nil {
		return err
	}
	x.meter(x.asked.size, 0)
	if hasChunk && x.body.over() {
		return errTooLong
	}
	w.Header().Set(headerExpires, x.asked.expires.UTC().Format(http.TimeFormat))
	err = x.run(w, (*tusd.UnroutedHandler).PostFile)
	if err != nil && x.made != nil { // nobody was told where it is
		x.discard()
	}
	return err
}

// read reads what a new upload says of itself.
func (x *exchange) read(h http.Header) (*row, error) {
	said, err := parseMetadata(h.Get("Upload-Metadata"))
	if err != nil {
		return nil, err
	}
	r := &row{
		id: newID(), bucket: said["bucketName"], name: said["objectName"], version: newVersion(), size: length(h), owner: x.owner, role: x.role,
		upsert: h.Get("X-Upsert") == "true", metadata: said,
	}
	if x.grant != nil {
		r.upsert = x.grant.Upsert
		if said["bucketName"] == "" && said["objectName"] == "" {
			r.bucket, r.name = x.grant.Bucket, x.grant.Name
		}
		if r.bucket != x.grant.Bucket || r.name != x.grant.Name {
			return nil, fault.New(fault.Invalid, "INVALID_SIGNATURE", "The signature does not match the object")
		}
	}
	if r.bucket == "" || r.name == "" {
		return nil, errHeader("Upload-Metadata", "must name bucketName and objectName.")
	}
	if r.user, err = userMetadata(said["metadata"]); err != nil {
		return nil, err
	}
	if r.state.Kind, r.state.Of, err = concat(h.Get("Upload-Concat")); err != nil {
		return nil, err
	}
	r.created = x.s.d.Now()
	life := time.Duration(setting.Get[int64](x.session.Project.Settings, "storage.resumable_expiry")) * time.Second
	r.expires = r.created.Add(life).Truncate(time.Second)
	return r, nil
}

// meter measures the body: from offset there is room up to size, or without end.
func (x *exchange) meter(size, offset int64) {
	x.body = &meter{ReadCloser: x.r.Body, room: -1}
	if x.r.Body == nil {
		x.body.ReadCloser = http.NoBody
	}
	if size >= 0 {
		x.body.room = size - offset
		if x.r.ContentLength > x.body.room {
			x.body.n = x.r.ContentLength
		}
	}
	x.r.Body = x.body
}

// head tells how far an upload is.
func (s *Service) head(x *exchange, w http.ResponseWriter) (err error) {
	if x.shown, err = x.find(x.r.Context(), x.id); err != nil {
		return err
	}
	w.Header().Set(headerExpires, x.shown.expires.UTC().Format(http.TimeFormat))
	return x.run(w, (*tusd.UnroutedHandler).HeadFile)
}

// patch takes bytes.
func (s *Service) patch(x *exchange, w http.ResponseWriter) error {
	h := x.r.Header
	r, err := x.find(x.r.Context(), x.id)
	if err != nil {
		return err
	}
	if h.Get("Content-Type") != chunkType {
		return errContentType
	}
	if x.sum, err = parseChecksum(h.Get("Upload-Checksum")); err != nil {
		return err
	}
	if r.state.Kind == final {
		return ofTusd["ERR_MODIFY_FINAL"]
	}
	offset, err := strconv.ParseInt(h.Get("Upload-Offset"), 10, 64)
	if err != nil || offset < 0 {
		return ofTusd["ERR_INVALID_OFFSET"]
	}
	size, most := r.size, errTooLong
	if size < 0 {
		if size = length(h); size > r.state.Limit {
			return errTooLarge
		}
	}
	if size < 0 {
		size, most = r.state.Limit, errTooLarge
	}
	if r.size < 0 {
		if err := r.room(x.r.Context(), x.session, x.r.ContentLength); err != nil {
			return err
		}
	}
	x.meter(size, min(offset, size))
	if x.body.over() && r.state.Offset == offset {
		return most
	}
	w.Header().Set(headerExpires, r.expires.UTC().Format(http.TimeFormat))
	return x.run(w, (*tusd.UnroutedHandler).PatchFile)
}

// terminate gives an upload up.
func (s *Service) terminate(x *exchange, w http.ResponseWriter) error {
	if _, err := x.find(x.r.Context(), x.id); err != nil {
		return err
	}
	return x.run(w, (*tusd.UnroutedHandler).DelFile)
}

// override serves POST to an upload, which stands for another method.
func (s *Service) override(x *exchange, w http.ResponseWriter) error {
	switch x.r.Method {
	case http.MethodPatch:
		return s.patch(x, w)
	case http.MethodDelete:
		return s.terminate(x, w)
	}
	w.Header().Set("Allow", strings.Join([]string{http.MethodDelete, http.MethodHead, http.MethodOptions, http.MethodPatch}, ", "))
	return fault.New(fault.Invalid, "METHOD_NOT_ALLOWED", "Begin uploads at %s.", x.folder)
}
