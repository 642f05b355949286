package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// maxBody bounds a request's body, maxMetadata what a user may say of themselves: access tokens carry it in a header.
const (
	maxBody     = 64 << 10
	maxMetadata = 16 << 10
)

// decode reads a JSON object. Content types are not looked at, because clients send all sorts.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return errValidation("The body must not be larger than %d bytes", maxBody)
	}
	if err != nil {
		return fault.Wrap(err, fault.Canceled, "REQUEST_BODY_UNREADABLE", "The body could not be read.")
	}
	if !utf8.Valid(body) {
		return fault.New(fault.Invalid, "BAD_JSON", "Could not parse request body as JSON: it is not UTF-8")
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fault.Wrap(err, fault.Invalid, "BAD_JSON", "Could not parse request body as JSON: %s", jsonComplaint(err))
	}
	return nil
}

func jsonComplaint(err error) string {
	if wrongType := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrongType) && wrongType.Field != "" {
		return "the value of " + wrongType.Field + " has the wrong type"
	}
	return err.Error()
}

var emailForm = regexp.MustCompile(`^[a-z0-9.!#$%&'*+/=?^_{|}~` + "`" + `-]{1,64}@[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)

// normalEmail lower-cases an address and refuses what is none.
func normalEmail(address string) (string, error) {
	address = strings.ToLower(strings.TrimSpace(address))
	if len(address) > 254 || !emailForm.MatchString(address) {
		return "", errValidation("Unable to validate email address: invalid format")
	}
	return address, nil
}

// metadata is what a user says of themselves; a null value takes a key out.
type metadata map[string]json.RawMessage

func (m metadata) validate() error {
	size := 0
	for key, value := range m {
		size += len(key) + len(value)
		if strings.ContainsRune(key, 0) || strings.Contains(string(value), `\u0000`) {
			return errValidation("User data must not contain the character NUL")
		}
		m[key] = wellFormed(value)
	}
	if size > maxMetadata {
		return errMetadataSize()
	}
	return nil
}

// wellFormed replaces halves of surrogate pairs, which Postgres refuses in jsonb, as Go's decoder does everywhere else.
func wellFormed(value json.RawMessage) json.RawMessage {
	if !bytes.Contains(value, []byte(`\u`)) {
		return value
	}
	var decoded any
	in := json.NewDecoder(bytes.NewReader(value))
	in.UseNumber()
	if in.Decode(&decoded) == nil {
		if encoded, err := json.Marshal(decoded); err == nil {
			return encoded
		}
	}
	return value
}

func errMetadataSize() error {
	return errValidation("User data must not be larger than %d bytes", maxMetadata)
}

// split parts what is to be set from what is to be removed.
func (m metadata) split() (set metadata, remove []string) {
	set, remove = metadata{}, []string{}
	for key, value := range m {
		if string(value) == "null" {
			remove = append(remove, key)
		} else {
			set[key] = value
		}
	}
	return set, remove
}

func (m metadata) set(key string, value any) {
	m[key], _ = json.Marshal(value) // strings and booleans only
}

func (m metadata) encode() json.RawMessage {
	encoded, err := json.Marshal(m)
	if err != nil { // the values were decoded from JSON
		return json.RawMessage("{}")
	}
	return encoded
}

// client is what a session remembers of who opened it. The gateway has put the client's own address into RemoteAddr.
func client(r *http.Request) store.Client {
	agent := strings.ToValidUTF8(r.UserAgent(), "")
	if len(agent) > 500 {
		agent = strings.ToValidUTF8(agent[:500], "")
	}
	c := store.Client{UserAgent: agent}
	if from, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		address := from.Addr().Unmap().WithZone("")
		c.Address = &address
	}
	return c
}

func (m metadata) clone() metadata {
	out := make(metadata, len(m)+4)
	for key, value := range m {
		out[key] = value
	}
	return out
}
