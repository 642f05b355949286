package gateway

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"

	"github.com/wayli-app/fluxbase/internal/id"
)

// storageS3 is where storage speaks S3's protocol: requests are signed, and carry no key.
const storageS3 = "/s3"

// ActsAs notes as what a service found that a request is done, which proves who sends it in a way of its own: its role, and the id of its key, or "".
func (x *exchange) ActsAs(role, key string) { x.role, x.key = role, key }

// toS3 reports whether a path of a service is one where S3's protocol is spoken.
func (x *exchange) toS3() bool { return x.service.Prefix == storagePrefix && below(x.inner, storageS3) }

// lost reports whether a request was signed as S3's clients sign, and came where S3 is not spoken. Functions may take such signatures for what they like.
func (x *exchange) lost() bool {
	return !x.toS3() && (x.service == x.g.outside || x.service.Prefix == storagePrefix) && signedForS3(x.r)
}

// signedForS3 reports whether a request was signed as S3's clients sign, well or not.
func signedForS3(r *http.Request) bool {
	if strings.HasPrefix(r.Header.Get("Authorization"), "AWS") { // "AWS4-HMAC-SHA256 …", or "AWS …" of version 2
		return true
	}
	return strings.Contains(r.URL.RawQuery, "X-Amz-Algorithm=AWS4") || strings.Contains(r.URL.RawQuery, "AWSAccessKeyId=")
}

// inS3 reports whether refusals are told in S3's dialect.
func (x *exchange) inS3() bool { return x.toS3() || x.lost() }

// s3Endpoint refuses a client of S3 that left out a part of the endpoint's path.
func (x *exchange) s3Endpoint() *refusal {
	return &refusal{
		status: http.StatusBadRequest, code: "S3_ENDPOINT", message: "S3 is not spoken at this path.",
		hint: "Set the client's endpoint to " + x.g.router.scheme + "://" + x.r.Host + x.prefix + storagePrefix + storageS3 + ", and path style.",
	}
}

// s3PathStyle refuses a client of S3 at a host, or path, that names no project: mostly it has put the bucket's name before the host.
func (x *exchange) s3PathStyle() *refusal {
	rt, name, port := x.g.router, hostname(x.r.Host), ""
	if i := strings.LastIndexByte(x.r.Host, ':'); i >= 0 {
		port = x.r.Host[i:]
	}
	label, below := strings.CutSuffix(name, rt.domain)
	label = label[strings.LastIndexByte(label, '.')+1:]
	_, rest, _ := strings.Cut(name, ".")
	ref, _, _ := strings.Cut(strings.TrimPrefix(x.path, "/p/"), "/")
	at := "<ref>" + rt.domain
	switch {
	case rt.isOwn(name):
		at = x.r.Host + "/p/<ref>"
	case rt.isOwn(rest) && strings.HasPrefix(x.path, "/p/") && id.ValidRef(ref):
		at = rest + port + "/p/" + ref
	case below && id.ValidRef(label):
		at = label + rt.domain + port
	}
	return &refusal{
		status: http.StatusBadRequest, code: "S3_PATH_STYLE", message: "There is no project at this address.",
		hint: "Have the client use path style (forcePathStyle, addressing_style = path), so that it does not put the bucket's name before the host, with the endpoint " +
			rt.scheme + "://" + at + storagePrefix + storageS3 + ".",
	}
}

// schemeOf is that of an address; https if it has none.
func schemeOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.Scheme != "" {
		return u.Scheme
	}
	return "https"
}

// s3Body is an error of S3's.
type s3Body struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string   `xml:"Code"`
	Message   string   `xml:"Message"`
	RequestID string   `xml:"RequestId"`
}

// s3Codes are the codes that S3's clients know, by status.
var s3Codes = map[int]string{
	http.StatusTooManyRequests: "SlowDown", http.StatusServiceUnavailable: "ServiceUnavailable", http.StatusRequestEntityTooLarge: "EntityTooLarge",
	http.StatusNotFound: "NoSuchBucket", http.StatusInternalServerError: "InternalError", http.StatusRequestURITooLong: "InvalidURI",
	http.StatusBadRequest: "InvalidRequest",
}

func (e *refusal) s3Body(id string) ([]byte, error) {
	code, ok := s3Codes[e.status]
	if !ok {
		code = "AccessDenied"
	}
	text := e.message
	if e.hint != "" {
		text += " " + e.hint
	}
	body, err := xml.Marshal(s3Body{Code: code, Message: text, RequestID: id})
	return append([]byte(xml.Header), body...), err
}
