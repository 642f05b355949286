package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// anything is said in place of a route's parameters where others are none of our business: people put words of their own behind public addresses.
const anything = "*"

// taking lets requests through whose parameters are among those of a list, with blanks between them.
func taking(list string, h protocol.Handler) protocol.Handler {
	if list == anything {
		return h
	}
	known := strings.Fields(list)
	return func(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
		for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
			name, _, _ := strings.Cut(pair, "=")
			name, err := url.QueryUnescape(name)
			switch {
			case pair == "", name == "apikey":
			case err != nil:
				return fault.New(fault.Invalid, "INVALID_QUERY", "A percent sign must be followed by two hexadecimal digits.")
			case !slices.Contains(known, name):
				return fault.New(fault.Invalid, "INVALID_QUERY", "There is no parameter %q: this request takes %s.", shown(name), oneOf(known))
			}
		}
		return h(w, r, session)
	}
}

// decode is protocol.Decode for bodies that may have nothing besides.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	var body json.RawMessage
	if err := protocol.Decode(w, r, &body); err != nil || len(body) == 0 {
		return err
	}
	if wrong := unknown(body, reflect.TypeOf(into).Elem(), ""); len(wrong) > 0 {
		return &fault.Error{Kind: fault.Invalid, Reason: "VALIDATION_FAILED", Message: "Some fields are not as they must be.", Fields: wrong}
	}
	return protocol.Unmarshal(body, into)
}

// mostUnknown is how many fields a refusal names.
const mostUnknown = 50

var reader = reflect.TypeFor[json.Unmarshaler]()

// unknown finds the fields of an object, and of those within it, that a type has not.
func unknown(object json.RawMessage, t reflect.Type, where string) map[string]string {
	var given map[string]json.RawMessage
	if json.Unmarshal(object, &given) != nil {
		return nil // of another type: that is found when it is read
	}
	known, names := map[string]reflect.Type{}, []string{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		known[name], names = t.Field(i).Type, append(names, name)
	}
	slices.Sort(names)
	wrong := map[string]string{}
	for name, value := range given {
		field, ok := known[name]
		switch {
		case len(wrong) == mostUnknown:
			return wrong
		case !ok:
			wrong[shown(where+name)] = fmt.Sprintf("There is no such field. There are: %s.", strings.Join(names, ", "))
		case field.Kind() == reflect.Struct && !reflect.PointerTo(field).Implements(reader):
			for inner, message := range unknown(value, field, where+name+".") {
				wrong[inner] = message
			}
		}
	}
	return wrong
}

// shown is a name as an answer repeats it: not at any length.
func shown(name string) string {
	const most = 100
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "") + "…"
}

func oneOf(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
