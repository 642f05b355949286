package s3

import (
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/s3/document"
	"github.com/wayli-app/fluxbase/internal/fault"
)

const (
	metaPrefix = "X-Amz-Meta-"
	metaShown  = "x-amz-meta-"
	// maxMeta bounds what an upload says in headers of x-amz-meta-, and maxMetaShown what an answer does.
	maxMeta      = 2 << 10
	maxMetaShown = 8 << 10
	maxTags      = 10
	maxTagKey    = 128
	maxTagValue  = 256
)

// userMetadata is what the headers x-amz-meta-… say, as storage keeps it for every protocol: a JSON object.
func userMetadata(h http.Header) (json.RawMessage, error) {
	out := map[string]string{}
	size := 0
	for header, values := range h {
		key, ok := strings.CutPrefix(header, metaPrefix)
		if !ok || key == "" {
			continue
		}
		value := values[0]
		if decoded, err := new(mime.WordDecoder).DecodeHeader(value); err == nil {
			value = decoded
		}
		if !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
			return nil, fault.New(fault.Invalid, "INVALID_ARGUMENT", "The header %.60q holds control characters, or is not UTF-8.", strings.ToLower(header))
		}
		size += len(key) + len(value)
		out[strings.ToLower(key)] = value
	}
	if size > maxMeta {
		return nil, fault.New(fault.Invalid, "METADATA_TOO_LARGE", "Your metadata headers exceed the maximum allowed metadata size")
	}
	if len(out) == 0 {
		return nil, nil
	}
	return json.Marshal(out)
}

// showMetadata writes user metadata as headers. What cannot be one, because another protocol wrote it, is counted.
func showMetadata(h http.Header, metadata json.RawMessage) {
	var all map[string]json.RawMessage
	if len(metadata) == 0 || json.Unmarshal(metadata, &all) != nil {
		return
	}
	missing, size := 0, 0
	for _, key := range slices.Sorted(maps.Keys(all)) {
		raw := all[key]
		value := string(raw)
		var text string
		if json.Unmarshal(raw, &text) == nil {
			value = text
		}
		if plain := !strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' }); !plain {
			value = strings.NewReplacer("\r\n", "", "\n", "").Replace(mime.BEncoding.Encode("utf-8", value))
		}
		if !headerName(key) || size+len(key)+len(value) > maxMetaShown {
			missing++
			continue
		}
		size += len(key) + len(value)
		h[metaShown+strings.ToLower(key)] = []string{value} // in lower case, as S3 writes it: some clients tell names apart by it
	}
	if missing > 0 {
		h.Set("X-Amz-Missing-Meta", itoa(missing))
	}
}

// headerName reports whether a name can be part of a header's.
func headerName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	})
}

// target is what an upload's headers say of the object.
func (c *call) target() (object.Target, error) {
	h := c.r.Header
	t := object.Target{
		Bucket: c.bucket, Name: c.key, Upsert: true, MimeType: h.Get("Content-Type"), CacheControl: h.Get("Cache-Control"), ContentEncoding: c.sig.ContentEncoding(),
		ContentDisposition: h.Get("Content-Disposition"), ContentLanguage: h.Get("Content-Language"), Expires: h.Get("Expires"),
	}
	var err error
	if t.UserMetadata, err = userMetadata(h); err != nil {
		return t, err
	}
	if t.Tags, err = tagsOf(h.Get("X-Amz-Tagging")); err != nil {
		return t, err
	}
	t.IfMatch, t.IfNoneMatch, t.MustExist, err = c.writeConditions()
	return t, err
}

// writeConditions are those of what is to be replaced.
func (c *call) writeConditions() (match, noneMatch string, mustExist bool, err error) {
	switch match = c.r.Header.Get("If-Match"); {
	case match == "*":
		match, mustExist = "", true
	case match != "":
		match = quoted(match)
	}
	if noneMatch = c.r.Header.Get("If-None-Match"); noneMatch != "" && noneMatch != "*" {
		return "", "", false, notImplemented("If-None-Match other than *")
	}
	if noneMatch != "" && (match != "" || mustExist) {
		return "", "", false, fault.New(fault.Invalid, "INVALID_REQUEST", "If-Match and If-None-Match exclude each other.")
	}
	return match, noneMatch, mustExist, nil
}

// quoted is an ETag with its quotes.
func quoted(etag string) string { return `"` + strings.Trim(etag, `"`) + `"` }

// tagsOf reads tags as they are in a header: a=b&c=d.
func tagsOf(header string) (map[string]string, error) {
	if header == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(header)
	if err != nil {
		return nil, fault.New(fault.Invalid, "INVALID_ARGUMENT", "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
	}
	var tags []document.Tag
	for key, list := range values {
		for _, value := range list {
			tags = append(tags, document.Tag{Key: key, Value: value})
		}
	}
	return checkTags(tags)
}

func checkTags(tags []document.Tag) (map[string]string, error) {
	if len(tags) > maxTags {
		return nil, fault.New(fault.Invalid, "BAD_REQUEST", "Object tags cannot be greater than %d", maxTags)
	}
	out := map[string]string{}
	bad := func(s string, most int) bool {
		return utf8.RuneCountInString(s) > most || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl)
	}
	for _, t := range tags {
		if _, twice := out[t.Key]; twice || t.Key == "" || bad(t.Key, maxTagKey) || bad(t.Value, maxTagValue) {
			return nil, fault.New(fault.Invalid, "INVALID_TAG", "The tag %.40q is there twice, empty, too long, or holds control characters.", t.Key)
		}
		out[t.Key] = t.Value
	}
	return out, nil
}

func sortedTags(tags map[string]string) []document.Tag {
	out := make([]document.Tag, 0, len(tags))
	for key, value := range tags {
		out = append(out, document.Tag{Key: key, Value: value})
	}
	slices.SortFunc(out, func(a, b document.Tag) int { return strings.Compare(a.Key, b.Key) })
	return out
}
