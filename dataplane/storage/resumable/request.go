package resumable

import (
	"bytes"
	"crypto/md5"  //nolint:gosec // clients of TUS ask for it
	"crypto/sha1" //nolint:gosec // TUS asks for it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// What TUS calls its headers.
const (
	version       = "1.0.0"
	headerVersion = "Tus-Resumable"
	headerExpires = "Upload-Expires"
	chunkType     = "application/offset+octet-stream"
)

// metadata is what a client says of a new upload: by Supabase's names bucketName, objectName, contentType, cacheControl and metadata.
func parseMetadata(header string) (map[string]string, error) {
	if len(header) > maxMetadata {
		return nil, errHeader("Upload-Metadata", "is larger than "+strconv.Itoa(maxMetadata>>10)+" KiB.")
	}
	out := map[string]string{}
	for pair := range strings.SplitSeq(header, ",") {
		pair = strings.TrimSpace(pair)
		if pair == "" {
			continue
		}
		key, encoded, _ := strings.Cut(pair, " ")
		value, err := base64.StdEncoding.DecodeString(encoded)
		if _, twice := out[key]; err != nil || twice || !utf8.Valid(value) || !keyForm.MatchString(key) || bytes.IndexByte(value, 0) >= 0 {
			return nil, errHeader("Upload-Metadata", "must be pairs of a key and a value in base64, separated by commas, each key once.")
		}
		out[key] = string(value)
	}
	return out, nil
}

var keyForm = regexp.MustCompile(`^[!-+\--~]+$`)

var digits = regexp.MustCompile(`^[0-9]{1,12}$`)

// target is where the upload goes, by what its client said.
func (r *row) target(operation string) object.Target {
	t := object.Target{
		Bucket: r.bucket, Name: r.name, Upsert: r.upsert, Size: r.size, MimeType: r.metadata["contentType"], CacheControl: r.metadata["cacheControl"],
		UserMetadata: r.user, OwnerID: r.owner, Operation: operation,
	}
	if digits.MatchString(t.CacheControl) {
		t.CacheControl = "max-age=" + t.CacheControl
	}
	return t
}

// What policies read by storage.operation().
const (
	operationCreate = "storage.tus.upload.create"
	operationPart   = "storage.tus.upload.part"
)

// algorithms are those of checksums, in the order in which they are told.
const algorithms = "sha1,sha256,sha512,md5"

// digest compares a chunk with the checksum that its client sent.
type digest struct {
	hash hash.Hash
	want []byte
}

func parseChecksum(header string) (*digest, error) {
	if header == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	name, encoded, _ := strings.Cut(header, " ")
	d := &digest{}
	switch strings.ToLower(name) {
	case "sha1":
		d.hash = sha1.New() //nolint:gosec // as above
	case "sha256":
		d.hash = sha256.New()
	case "sha512":
		d.hash = sha512.New()
	case "md5":
		d.hash = md5.New() //nolint:gosec // as above
	default:
		return nil, errHeader("Upload-Checksum", "must name one of the algorithms "+algorithms+".")
	}
	var err error
	if d.want, err = base64.StdEncoding.DecodeString(encoded); err != nil || len(d.want) != d.hash.Size() {
		return nil, errHeader("Upload-Checksum", "must be an algorithm and the checksum in base64.")
	}
	return d, nil
}

func (d *digest) matches() bool { return bytes.Equal(d.hash.Sum(nil), d.want) }

// length is what a new upload says of its size: -1 is told later. tusd checks the headers; this only reads them.
func length(h http.Header) int64 {
	n, err := strconv.ParseInt(h.Get("Upload-Length"), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// concat reads Upload-Concat: what kind the upload is, and the ids of the partial ones that a final one is made of.
func concat(header string) (kind string, ids []string, err error) {
	switch rest, isFinal := strings.CutPrefix(header, final+";"); {
	case header == "":
		return "", nil, nil
	case header == partial:
		return partial, nil, nil
	case isFinal:
		for address := range strings.FieldsSeq(rest) {
			id := address[strings.LastIndexByte(address, '/')+1:]
			if !idForm.MatchString(id) {
				return "", nil, errPartials
			}
			ids = append(ids, id)
		}
		if len(ids) > 0 && len(ids) <= maxPartials {
			return final, ids, nil
		}
	}
	return "", nil, errPartials
}

// userMetadata is what the key metadata says: a JSON object that is kept with the object.
func userMetadata(said string) (json.RawMessage, error) {
	if said == "" {
		return nil, nil
	}
	return json.RawMessage(said), object.CheckUserMetadata(json.RawMessage(said))
}

// meter counts what a body holds, and notes when it is more than there is room for.
type meter struct {
	io.ReadCloser
	n, room int64
	// err is the gateway's fault of a client that was too slow.
	err *fault.Error
}

// Read reads on.
func (m *meter) Read(b []byte) (int, error) {
	n, err := m.ReadCloser.Read(b)
	m.n += int64(n)
	_ = errors.As(err, &m.err)
	return n, err
}

// over reports whether the body is too long.
func (m *meter) over() bool { return m.room >= 0 && m.n > m.room }

// caught is a ResponseWriter that keeps tusd's refusals back, to be told in our words, and sets the addresses in its answers right.
type caught struct {
	http.ResponseWriter
	x      *exchange
	failed bool
	body   []byte
}

// Unwrap lets http.ResponseController reach the connection.
func (c *caught) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// WriteHeader sends a good answer's head.
func (c *caught) WriteHeader(status int) {
	if status >= http.StatusBadRequest {
		c.failed = true
		return
	}
	h := c.Header()
	if h.Get("Location") != "" && c.x.made != nil {
		h.Set("Location", c.x.address(c.x.made.row.id))
	}
	if r := c.x.shown; r != nil && r.state.Kind == final {
		addresses := make([]string, len(r.state.Of))
		for i, id := range r.state.Of {
			addresses[i] = c.x.address(id)
		}
		h.Set("Upload-Concat", final+";"+strings.Join(addresses, " "))
	}
	if c.x.r.Method == http.MethodHead {
		h.Del("Content-Length") // tusd's is the upload's, which the answer has not
	}
	c.ResponseWriter.WriteHeader(status)
}

// Write sends a good answer's body.
func (c *caught) Write(b []byte) (int, error) {
	if c.failed {
		c.body = append(c.body, b[:min(len(b), 1024-min(len(c.body), 1024))]...)
		return len(b), nil
	}
	return c.ResponseWriter.Write(b)
}

// err is what is to be told: the data store's own fault, or tusd's.
func (c *caught) err() error {
	switch {
	case !c.failed:
		return nil
	case c.x.err != nil:
		return c.x.err
	case c.x.body != nil && c.x.body.err != nil:
		return c.x.body.err
	}
	return fromTusd(string(c.body))
}

// method is what the request asks for: where PATCH and DELETE do not get through, POST stands for them. The gateway has judged the request by the method
// that it came with, and asks the same of these three; it asks less for reading, which is therefore nobody's to override.
func method(r *http.Request) (string, error) {
	switch asked := strings.ToUpper(r.Header.Get("X-Http-Method-Override")); {
	case asked == "" || asked == r.Method:
		return r.Method, nil
	case r.Method == http.MethodPost && (asked == http.MethodPatch || asked == http.MethodDelete):
		return asked, nil
	}
	return "", fault.New(fault.Invalid, "METHOD_NOT_ALLOWED", "X-HTTP-Method-Override may make PATCH or DELETE of POST, and nothing else.")
}
