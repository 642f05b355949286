package protocol

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

// MaxBody bounds a request's body, MaxMetadata what a user may say of themselves: access tokens carry it in a header, and the gateway takes tokens of
// 16 KiB.
const (
	MaxBody     = 64 << 10
	MaxMetadata = 8 << 10
)

// Decode reads a JSON object. Content types are not looked at, because clients send all sorts.
func Decode(w http.ResponseWriter, r *http.Request, into any) error {
	return DecodeUpTo(w, r, into, MaxBody)
}

// DecodeUpTo is Decode for bodies of up to so many bytes.
func DecodeUpTo(w http.ResponseWriter, r *http.Request, into any, most int64) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return ErrValidation("The body must not be larger than %d bytes", most)
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

// NormalEmail lower-cases an address and refuses what is none. Letters beyond ASCII are refused as they are: the lower case of some is an ASCII letter, and
// so the address somebody else's.
func NormalEmail(address string) (string, error) {
	address = strings.TrimSpace(address)
	plain := strings.IndexFunc(address, func(c rune) bool { return c > '~' }) < 0
	if address = strings.ToLower(address); !plain || len(address) > 254 || !emailForm.MatchString(address) {
		return "", ErrValidation("Unable to validate email address: invalid format")
	}
	return address, nil
}

// Metadata is what a user says of themselves; a null value takes a key out.
type Metadata map[string]json.RawMessage

// Validate refuses what Postgres could not keep, and too much.
func (m Metadata) Validate() error {
	size := 0
	for key, value := range m {
		size += len(key) + len(value)
		if strings.ContainsRune(key, 0) || strings.Contains(string(value), `\u0000`) {
			return ErrValidation("User data must not contain the character NUL")
		}
		m[key] = wellFormed(value)
	}
	if size > MaxMetadata {
		return ErrMetadataSize()
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

// ErrMetadataSize refuses too much metadata.
func ErrMetadataSize() error {
	return ErrValidation("User data must not be larger than %d bytes", MaxMetadata)
}

// Split parts what is to be set from what is to be removed.
func (m Metadata) Split() (set Metadata, remove []string) {
	set, remove = Metadata{}, []string{}
	for key, value := range m {
		if string(value) == "null" {
			remove = append(remove, key)
		} else {
			set[key] = value
		}
	}
	return set, remove
}

// Set sets a string, a list of strings or a boolean.
func (m Metadata) Set(key string, value any) {
	m[key], _ = json.Marshal(value) // strings and booleans only
}

// Encode makes a JSON object.
func (m Metadata) Encode() json.RawMessage {
	encoded, err := json.Marshal(m)
	if err != nil { // the values were decoded from JSON
		return json.RawMessage("{}")
	}
	return encoded
}

var phoneForm = regexp.MustCompile(`^[1-9][0-9]{6,14}$`)

// NormalPhone takes a number of E.164 with or without +, spaces and hyphens, and returns its digits, as GoTrue keeps it.
func NormalPhone(number string) (string, error) {
	number = strings.NewReplacer(" ", "", "-", "", "(", "", ")", "").Replace(strings.TrimSpace(number))
	number = strings.TrimPrefix(number, "+")
	if !phoneForm.MatchString(number) {
		return "", ErrValidation("Invalid phone number format (E.164 required)")
	}
	return number, nil
}

// Client is what a session remembers of who opened it. The gateway has put the client's own address into RemoteAddr.
func Client(r *http.Request) store.Client {
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

// Clone copies the map, not the values.
func (m Metadata) Clone() Metadata {
	out := make(Metadata, len(m)+4)
	for key, value := range m {
		out[key] = value
	}
	return out
}
