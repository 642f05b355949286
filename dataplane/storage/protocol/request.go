package protocol

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// maxBody bounds a body of JSON: a thousand names are deleted by one.
const maxBody = 2 << 20

// Decode reads a JSON object. Content types are not looked at, because clients send all sorts; no body at all is an empty object.
func Decode(w http.ResponseWriter, r *http.Request, into any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return Unreadable(err)
	}
	if len(body) == 0 {
		return nil
	}
	if !utf8.Valid(body) {
		return fault.New(fault.Invalid, "INVALID_REQUEST", "The body cannot be read as JSON: it is not UTF-8.")
	}
	return Unmarshal(body, into)
}

// Unmarshal reads a JSON object from what a body was.
func Unmarshal(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		if known := (*fault.Error)(nil); errors.As(err, &known) {
			return known
		}
		if wrongType := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrongType) {
			if wrongType.Field == "" {
				return ErrParameter("The body must be a JSON object.")
			}
			return ErrParameter("body/%s has the wrong type: it is %s, where %s is wanted.", wrongType.Field, found(wrongType.Value), wanted(wrongType.Type))
		}
		return fault.Wrap(err, fault.Invalid, "INVALID_REQUEST", "The body cannot be read as JSON: %s.", err)
	}
	return nil
}

// found says what of JSON a value is, in the words of encoding/json.
func found(value string) string {
	switch kind, number, _ := strings.Cut(value, " "); {
	case number != "":
		return "the number " + number
	case kind == "bool":
		return "true or false"
	case kind == "array":
		return "a list"
	case kind == "object":
		return "an object"
	}
	return "a " + value
}

// wanted says what of JSON goes into a type.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			return "a list of strings"
		}
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Float64:
		return "a number"
	default:
		return "a whole number"
	}
}

// Unreadable is why a request's body ended early.
func Unreadable(err error) error {
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return fault.Wrap(err, fault.Invalid, "ENTITY_TOO_LARGE", "The body must not be larger than %d bytes.", tooLarge.Limit)
	}
	return fault.Wrap(err, fault.Canceled, "INCOMPLETE_BODY", "The connection broke before the whole body had come. Send it again.")
}
