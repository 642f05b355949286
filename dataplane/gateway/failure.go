package gateway

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/dataplane/failure"
)

// Failures keeps what failed, for the developers of a project to read. It must not wait.
type Failures interface {
	Note(ref string, f failure.Failure)
}

// maxToldError bounds an answer that is looked into for its code.
const maxToldError = 16 << 10

// noteFailure tells of an answer that developers want to know of. Mistakes in the console's own SQL are none: who made them has seen them. Nor is
// a client that left.
func (x *exchange) noteFailure(took time.Duration) {
	if x.status < http.StatusBadRequest || x.project == nil || x.g.failures == nil || x.status == statusClientGone || x.told() {
		return
	}
	if _, code, ok := strings.Cut(x.Header().Get("Proxy-Status"), "error="); ok && x.answered == "" { // of an answer without a body
		x.answered = codeOf(json.RawMessage(strconv.Quote(code)))
	}
	name := x.service.Name
	if name == "" {
		name = "none"
	}
	x.g.failures.Note(x.ref, failure.Failure{
		Time: x.began, RequestID: x.id, Service: name, Method: x.r.Method, Path: strings.TrimPrefix(x.path, x.prefix), Status: x.status,
		Code: cmp.Or(x.code, x.answered), Role: x.role, KeyID: x.key, Milliseconds: float64(took.Microseconds()) / 1000,
	})
}

// told reports whether a person at the console has seen the failure.
func (x *exchange) told() bool {
	return x.served && x.status < http.StatusInternalServerError && x.service.Access == DeveloperAccess
}

// readCode takes the code out of a service's answer, in whichever dialect; nothing else of it is kept.
func (x *exchange) readCode(body []byte) {
	if x.status < http.StatusBadRequest || !x.served || x.read {
		return
	}
	x.read = true
	kind := x.Header()["Content-Type"]
	if len(body) > maxToldError || len(kind) != 1 || !strings.Contains(kind[0], "json") {
		return
	}
	var answer struct {
		ErrorCode json.RawMessage `json:"error_code"`
		Code      json.RawMessage `json:"code"`
		Error     json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return
	}
	for _, value := range []json.RawMessage{answer.ErrorCode, answer.Code, answer.Error} {
		if code := codeOf(value); code != "" {
			x.answered = code
			return
		}
	}
}

// codeOf returns a word, or the code of an object, or "".
func codeOf(value json.RawMessage) string {
	var word string
	if json.Unmarshal(value, &word) != nil {
		var inner struct {
			Code string `json:"code"`
		}
		if json.Unmarshal(value, &inner) != nil {
			return ""
		}
		word = inner.Code
	}
	for _, r := range word {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '_' && r != '-' {
			return ""
		}
	}
	if len(word) > 60 {
		return ""
	}
	return word
}
