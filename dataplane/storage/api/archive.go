package api

import (
	"archive/zip"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/name"
	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/serve"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// pageOfArchive is how many files' rows are in memory at once.
const pageOfArchive = 100

// Archives at once: of this process, and of one project.
const (
	mostArchives      = 32
	mostArchivesOfOne = 4
)

// turns bounds what is done at once.
type turns struct {
	mu        sync.Mutex
	of        map[string]int
	all       int
	most, one int
}

func newTurns(most, one int) turns { return turns{of: map[string]int{}, most: most, one: one} }

func (t *turns) enter(ref string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all >= t.most || t.of[ref] >= t.one {
		return false
	}
	t.all++
	t.of[ref]++
	return true
}

func (t *turns) leave(ref string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all--
	if t.of[ref]--; t.of[ref] == 0 {
		delete(t.of, ref)
	}
}

// archiving asks for an archive of files: those of Names, and those whose names begin with Prefix.
type archiving struct {
	Names  []string `json:"names"`
	Prefix *string  `json:"prefix"`
	// Filename is the archive's own name.
	Filename string `json:"filename"`
}

// archive answers with a ZIP that is made while it is sent. All that can be refused is refused before; what fails then breaks the connection.
func (s *service) archive(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	var in archiving
	if err := decode(w, r, &in); err != nil {
		return err
	}
	a := &archive{service: s, session: session, bucket: r.PathValue("bucket"), in: in}
	if err := a.check(); err != nil {
		return err
	}
	if !s.archives.enter(session.Project.Ref) {
		return fault.New(fault.Exhausted, "SLOW_DOWN", "Too many archives are being made at once. Try again when one is done.")
	}
	defer s.archives.leave(session.Project.Ref)
	if err := a.measure(r.Context()); err != nil {
		return err
	}
	if in.Filename == "" {
		in.Filename = a.bucket + ".zip"
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", serve.Attachment(in.Filename))
	w.Header().Set("Cache-Control", "no-store")
	if err := a.write(r.Context(), w); err != nil {
		if !a.begun {
			return err
		}
		if !errors.Is(err, context.Canceled) {
			s.Log.WarnContext(r.Context(), "an archive broke off", "project", session.Project.Ref, "error", err)
		}
		panic(http.ErrAbortHandler) // half an archive must not look whole
	}
	return nil
}

// archive is one that is being made.
type archive struct {
	*service
	session *projectdb.Session
	bucket  string
	in      archiving
	files   int
	bytes   int64
	begun   bool
}

func (a *archive) check() error {
	if err := errors.Join(name.Bucket(a.bucket), checkFileName("filename", a.in.Filename)); err != nil {
		return err
	}
	if len(a.in.Names) == 0 && a.in.Prefix == nil {
		return fault.New(fault.Invalid, "MISSING_PARAMETER", `Name files by names, or a folder by prefix; "" is the whole bucket.`)
	}
	if len(a.in.Names) > a.ArchiveFiles {
		return a.tooMany()
	}
	for _, n := range a.in.Names {
		if err := name.Object(n); err != nil {
			return err
		}
	}
	if a.in.Prefix != nil {
		return name.Prefix(*a.in.Prefix)
	}
	return nil
}

func (a *archive) tooMany() error {
	return fault.New(fault.Invalid, "ARCHIVE_TOO_LARGE", "An archive holds up to %d files: ask for several.", a.ArchiveFiles)
}

func (a *archive) tooLarge() error {
	return fault.New(fault.Invalid, "ARCHIVE_TOO_LARGE", "An archive holds files of up to %d bytes: ask for several.", a.ArchiveBytes)
}

// each visits the files, as the caller, a page at a time: those named first, in their order.
func (a *archive) each(ctx context.Context, visit func(*object.Object) error) error {
	seen := make(map[string]bool, len(a.in.Names))
	var names []string
	for _, n := range a.in.Names {
		if !seen[n] {
			seen[n] = true
			names = append(names, n)
		}
	}
	for len(names) > 0 {
		page := names[:min(pageOfArchive, len(names))]
		names = names[len(page):]
		found, err := a.Objects.FindMany(ctx, a.session, "storage.object.get_authenticated", a.bucket, page)
		if err != nil {
			return err
		}
		known := make(map[string]*object.Object, len(found))
		for i := range found {
			known[found[i].Name] = &found[i]
		}
		for _, n := range page {
			if known[n] == nil {
				return fault.New(fault.NotFound, "NO_SUCH_KEY", "Object not found: %s", n)
			}
			if err := visit(known[n]); err != nil {
				return err
			}
		}
	}
	if a.in.Prefix == nil {
		return nil
	}
	for cursor := ""; ; {
		page, err := a.Objects.List(ctx, a.session, object.ListQuery{Bucket: a.bucket, Prefix: *a.in.Prefix, Cursor: cursor, Limit: pageOfArchive})
		if err != nil {
			return err
		}
		for _, e := range page.Entries {
			if e.Object == nil || seen[e.Object.Name] {
				continue
			}
			if err := visit(e.Object); err != nil {
				return err
			}
		}
		if cursor = page.Next; cursor == "" {
			return nil
		}
	}
}

// measure refuses what is too much, and what is nothing.
func (a *archive) measure(ctx context.Context) error {
	err := a.each(ctx, func(o *object.Object) error {
		if a.files++; a.files > a.ArchiveFiles {
			return a.tooMany()
		}
		if a.bytes += max(o.Metadata.Size, 0); a.bytes > a.ArchiveBytes {
			return a.tooLarge()
		}
		return nil
	})
	if err == nil && a.files == 0 {
		return fault.New(fault.NotFound, "NO_SUCH_KEY", "There are no files to put into an archive, or none that you may read.")
	}
	return err
}

// write makes the archive. What was uploaded meanwhile is in it as long as there is room.
func (a *archive) write(ctx context.Context, w io.Writer) error {
	out := zip.NewWriter(w)
	out.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	entries := newEntries()
	buffer := make([]byte, 64<<10)
	a.files, a.bytes = 0, 0
	err := a.each(ctx, func(o *object.Object) error {
		body, o, err := a.open(ctx, o)
		if err != nil || body == nil {
			return err
		}
		defer func() { _ = body.Close() }()
		if a.files++; a.files > a.ArchiveFiles {
			return a.tooMany()
		}
		entry, err := out.CreateHeader(&zip.FileHeader{Name: entries.name(o.Name), Method: method(o.Metadata), Modified: o.Metadata.LastModified})
		if err != nil {
			return err
		}
		a.begun = true
		n, err := io.CopyBuffer(struct{ io.Writer }{entry}, struct{ io.Reader }{body}, buffer)
		if a.bytes += n; err == nil && a.bytes > a.ArchiveBytes { // of the bytes that there are, whatever their rows say
			return a.tooLarge()
		}
		return err
	})
	if err != nil {
		return err
	}
	a.begun = true
	return out.Close()
}

// open opens a file. One that was replaced since it was listed is opened as it is now, and one that is gone is left out, unless it was asked for by name.
func (a *archive) open(ctx context.Context, o *object.Object) (io.ReadCloser, *object.Object, error) {
	gone := &fault.Error{Kind: fault.NotFound, Reason: "NO_SUCH_KEY"}
	for try := 0; ; try++ {
		body, err := a.Objects.Open(ctx, a.session, o, 0, -1)
		if !errors.Is(err, gone) || try == 3 {
			return body, o, err
		}
		now, err := a.Objects.Find(ctx, a.session, a.bucket, o.Name)
		switch {
		case err == nil && now.Version == o.Version:
			return nil, nil, fmt.Errorf("the bytes of version %s are gone", o.Version)
		case errors.Is(err, gone) && a.in.Prefix != nil && strings.HasPrefix(o.Name, *a.in.Prefix):
			return nil, nil, nil
		case err != nil:
			return nil, nil, err
		}
		o = now
	}
}

// packed are types whose files get no smaller.
var packed = map[string]bool{
	"application/zip": true, "application/gzip": true, "application/x-gzip": true, "application/x-7z-compressed": true, "application/zstd": true,
	"application/vnd.rar": true, "application/x-bzip2": true, "application/x-xz": true, "application/java-archive": true, "application/pdf": true,
	"font/woff2": true, "font/woff": true,
}

// method is how a file is put into the archive.
func method(m object.Metadata) uint16 {
	base, _, _ := mime.ParseMediaType(m.MimeType)
	kind, sub, _ := strings.Cut(base, "/")
	switch {
	case m.ContentEncoding != "" && m.ContentEncoding != "identity", packed[base], kind == "video", kind == "audio",
		kind == "image" && sub != "svg+xml" && sub != "bmp" && sub != "tiff", strings.HasPrefix(sub, "vnd.openxmlformats"):
		return zip.Store
	}
	return zip.Deflate
}
