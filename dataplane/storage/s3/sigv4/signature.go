// Package sigv4 reads AWS's signature version 4 as S3's clients write it: in headers, in presigned addresses, and over the chunks of a
// body. It knows no keys and decides nothing about who may do what.
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// Bounds of what is accepted.
const (
	// Skew is how far a client's clock may be off, and for how long a signature in headers can be used.
	Skew = 15 * time.Minute
	// MaxExpires is for how long a presigned address may be good.
	MaxExpires = 7 * 24 * time.Hour

	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	service    = "s3"
	timeForm   = "20060102T150405Z"
	dateForm   = "20060102"
	maxQuery   = 200 // parameters
	maxSigned  = 100 // headers
	maxScope   = 200 // bytes of an access key, and of a region
)

// Signature is what a request says of how it was signed. Nothing of it is proven before Verify.
type Signature struct {
	AccessKey, Region string
	// Token is the session token, or "".
	Token string
	// Time is when the request was signed.
	Time time.Time
	// Presigned tells that the signature is in the address.
	Presigned bool
	// Query are the parameters of the address, as they were signed. Handlers read these and no others.
	Query url.Values
	// Path is the decoded path that was signed, the host's whole.
	Path string

	request *http.Request
	scope   string // date/region/service/terminator
	signed  []string
	value   []byte // the signature
	payload string // x-amz-content-sha256, or what stands for it
	rawPath string
	key     []byte // the signing key, once verified
}

// Refusals. Their reasons are S3's codes.
func malformed(message string, args ...any) error {
	return fault.New(fault.Invalid, "AUTHORIZATION_HEADER_MALFORMED", message, args...)
}

func badParameters(message string, args ...any) error {
	return fault.New(fault.Invalid, "AUTHORIZATION_QUERY_PARAMETERS_ERROR", message, args...)
}

func denied(message string) error { return fault.New(fault.Denied, "ACCESS_DENIED", "%s", message) }

func invalid(message string, args ...any) error {
	return fault.New(fault.Invalid, "INVALID_REQUEST", message, args...)
}

// errVersion refuses other versions of signatures.
var errVersion = fault.New(fault.Invalid, "INVALID_REQUEST", "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")

// Parse reads the signature of a request, whose RequestURI is as the client sent it, and checks all but the signature itself: its form, its time,
// and that the host and whatever S3 reads are signed.
func Parse(r *http.Request, now time.Time) (*Signature, error) {
	s := &Signature{request: r}
	if err := s.readTarget(); err != nil {
		return nil, err
	}
	inHeader, inQuery := r.Header["Authorization"], s.Query.Has("X-Amz-Signature") || s.Query.Has("X-Amz-Algorithm")
	var err error
	switch {
	case len(inHeader) > 0 && inQuery, len(inHeader) > 1:
		return nil, invalid("Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified")
	case inQuery:
		err = s.readQuery(now)
	case len(inHeader) == 1:
		err = s.readHeader(inHeader[0], now)
	case s.Query.Has("AWSAccessKeyId"):
		err = errVersion
	default:
		err = denied("Access Denied: sign the request with an access key or a session token")
	}
	if err != nil {
		return nil, err
	}
	if err := s.checkHeaders(); err != nil {
		return nil, err
	}
	return s, nil
}

// readTarget takes the path and the parameters apart, in the one way that counts for the signature and for what is done.
func (s *Signature) readTarget() error {
	target := s.request.RequestURI
	if !strings.HasPrefix(target, "/") { // the absolute form, as proxies are sent
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return fault.New(fault.Invalid, "INVALID_URI", "Couldn't parse the specified URI.")
		}
		target = u.RequestURI()
	}
	path, query, _ := strings.Cut(target, "?")
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return fault.New(fault.Invalid, "INVALID_URI", "Couldn't parse the specified URI.")
	}
	s.rawPath, s.Path = path, decoded
	s.Query = url.Values{}
	n := 0
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		if n++; n > maxQuery {
			return invalid("The address has more than %d parameters.", maxQuery)
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return fault.New(fault.Invalid, "INVALID_URI", "Couldn't parse the specified URI.")
		}
		s.Query[name] = append(s.Query[name], value)
	}
	return nil
}

// readHeader reads "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…".
func (s *Signature) readHeader(header string, now time.Time) error {
	fields, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		if strings.HasPrefix(header, "AWS ") || strings.HasPrefix(header, "AWS4") {
			return errVersion
		}
		return denied("Access Denied: sign the request with AWS4-HMAC-SHA256")
	}
	found := map[string]string{}
	for field := range strings.SplitSeq(fields, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(field), "=")
		if _, twice := found[name]; !ok || twice || name != "Credential" && name != "SignedHeaders" && name != "Signature" {
			return malformed("The authorization header is malformed; it must have Credential, SignedHeaders and Signature once each.")
		}
		found[name] = value
	}
	if len(found) != 3 {
		return malformed("The authorization header is malformed; it must have Credential, SignedHeaders and Signature once each.")
	}
	if err := s.readParts(found["Credential"], found["SignedHeaders"], found["Signature"], malformed); err != nil {
		return err
	}
	date := s.request.Header.Get("X-Amz-Date")
	stamped, err := time.Parse(timeForm, date)
	if date == "" {
		if !slices.Contains(s.signed, "date") {
			return denied("AWS authentication requires a valid Date or x-amz-date header")
		}
		stamped, err = http.ParseTime(s.request.Header.Get("Date"))
	}
	if err != nil {
		return denied("AWS authentication requires a valid Date or x-amz-date header")
	}
	s.Time = stamped.UTC()
	if !strings.HasPrefix(s.scope, s.Time.Format(dateForm)+"/") {
		return malformed("The authorization header is malformed; Invalid credential date. It is not the same as X-Amz-Date.")
	}
	if off := now.Sub(s.Time); off > Skew || off < -Skew {
		return fault.New(fault.Denied, "REQUEST_TIME_TOO_SKEWED", "The difference between the request time and the current time is too large.")
	}
	s.Token = s.request.Header.Get("X-Amz-Security-Token")
	s.payload = s.request.Header.Get("X-Amz-Content-Sha256")
	if s.payload == "" {
		return invalid("Missing required header for this request: x-amz-content-sha256")
	}
	return nil
}

// readQuery reads a presigned address.
func (s *Signature) readQuery(now time.Time) error {
	for name, values := range s.Query {
		if len(values) > 1 && strings.HasPrefix(strings.ToLower(name), "x-amz-") {
			return badParameters("The query parameter %.50q is there more than once.", name)
		}
	}
	q := s.Query.Get
	if q("X-Amz-Algorithm") != algorithm {
		return badParameters("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"")
	}
	if err := s.readParts(q("X-Amz-Credential"), q("X-Amz-SignedHeaders"), q("X-Amz-Signature"), badParameters); err != nil {
		return err
	}
	stamped, err := time.Parse(timeForm, q("X-Amz-Date"))
	if err != nil {
		return badParameters("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
	}
	s.Time, s.Presigned = stamped.UTC(), true
	if !strings.HasPrefix(s.scope, s.Time.Format(dateForm)+"/") {
		return badParameters("Invalid credential date. It is not the same as X-Amz-Date.")
	}
	seconds, err := strconv.ParseUint(q("X-Amz-Expires"), 10, 32)
	lasts := time.Duration(seconds) * time.Second
	switch {
	case err != nil || seconds == 0:
		return badParameters("X-Amz-Expires should be a positive number of seconds")
	case lasts > MaxExpires:
		return badParameters("X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds")
	case s.Time.Sub(now) > Skew:
		return denied("Request is not valid yet")
	case !now.Before(s.Time.Add(lasts)):
		return denied("Request has expired")
	}
	s.Token, s.payload = q("X-Amz-Security-Token"), q("X-Amz-Content-Sha256")
	if header := s.request.Header.Get("X-Amz-Content-Sha256"); header != "" {
		if s.payload != "" && s.payload != header {
			return badParameters("The header and the query parameter X-Amz-Content-Sha256 differ.")
		}
		s.payload = header
	}
	if s.payload == "" {
		s.payload = unsignedPayload
	}
	return nil
}

// readParts reads what both forms have.
func (s *Signature) readParts(credential, signed, signature string, refuse func(string, ...any) error) error {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 {
		return refuse("The Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".")
	}
	s.AccessKey, s.Region = parts[0], parts[2]
	switch _, err := time.Parse(dateForm, parts[1]); {
	case err != nil:
		return refuse("The Credential is mal-formed; its date is not YYYYMMDD.")
	case s.AccessKey == "" || len(s.AccessKey) > maxScope || len(s.Region) > maxScope || s.Region == "":
		return refuse("The Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".")
	case parts[3] != service:
		return refuse("The Credential is mal-formed; the service must be \"s3\".")
	case parts[4] != terminator:
		return refuse("The Credential is mal-formed; it must end in \"aws4_request\".")
	}
	s.scope = strings.Join(parts[1:], "/")
	s.signed = strings.Split(signed, ";")
	if len(s.signed) > maxSigned {
		return refuse("More than %d headers are signed.", maxSigned)
	}
	for i, name := range s.signed {
		if name == "" || name != strings.ToLower(name) || i > 0 && s.signed[i-1] >= name {
			return refuse("SignedHeaders must be names in lower case, sorted, once each, with semicolons between.")
		}
	}
	value, err := hex.DecodeString(signature)
	if err != nil || len(value) != sha256.Size {
		return refuse("The Signature is no SHA-256 in hex.")
	}
	s.value = value
	return nil
}

// single are headers beside S3's own that may be there once only: whoever reads one of two may read the other than was meant.
var single = map[string]bool{
	"content-type": true, "content-md5": true, "content-encoding": true, "content-disposition": true, "content-language": true, "cache-control": true,
	"expires": true, "range": true, "if-match": true, "if-none-match": true, "if-modified-since": true, "if-unmodified-since": true, "if-range": true, "date": true,
}

// listed are headers of S3's that are lists, and may come in several lines.
var listed = map[string]bool{"x-amz-object-attributes": true, "x-amz-optional-object-attributes": true}

// checkHeaders sees to it that what S3 reads of the headers is signed and there once.
func (s *Signature) checkHeaders() error {
	if !slices.Contains(s.signed, "host") {
		return denied("The header host must be signed")
	}
	for name, values := range s.request.Header {
		lower := strings.ToLower(name)
		amazon := strings.HasPrefix(lower, "x-amz-")
		if len(values) > 1 && (amazon && !listed[lower] || single[lower]) {
			return invalid("The header %.50q is there more than once.", lower)
		}
		if amazon && !slices.Contains(s.signed, lower) {
			return denied("There were headers present in the request which were not signed")
		}
	}
	for _, name := range s.signed {
		if name != "host" && name != "content-length" && name != "transfer-encoding" && s.request.Header.Get(name) == "" && s.request.Header.Values(name) == nil {
			return fault.New(fault.Denied, "SIGNATURE_DOES_NOT_MATCH", "The header %.50q is signed and did not come.", name)
		}
	}
	return nil
}

// ErrMismatch refuses a signature that another secret, or another request, made.
var ErrMismatch = fault.New(fault.Denied, "SIGNATURE_DOES_NOT_MATCH",
	"The request signature we calculated does not match the signature you provided. Check your key and signing method.")

// Verify finds the signature right for a secret, or refuses it.
func (s *Signature) Verify(secret string) error {
	if secret == "" { // an unset secret opens nothing
		return ErrMismatch
	}
	key := []byte("AWS4" + secret)
	for part := range strings.SplitSeq(s.scope, "/") {
		key = sum(key, part)
	}
	for _, path := range s.paths() {
		hashed := sha256.Sum256([]byte(s.canonical(path)))
		want := sum(key, algorithm+"\n"+s.Time.Format(timeForm)+"\n"+s.scope+"\n"+hex.EncodeToString(hashed[:]))
		if hmac.Equal(want, s.value) {
			s.key = key
			return nil
		}
	}
	return ErrMismatch
}

func sum(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text))
	return h.Sum(nil)
}
