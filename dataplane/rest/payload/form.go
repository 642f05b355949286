package payload

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// maxPairs bounds the fields of a form.
const maxPairs = 10_000

// form makes an object of a form for a table, and arguments of one for a call.
func (b *Body) form(body []byte, o Options) error {
	pairs, err := parseForm(string(body))
	if err != nil {
		return err
	}
	if o.Call {
		b.Arguments = pairs
		return nil
	}
	b.Object, b.Rows, b.Uniform = true, 1, true
	b.Present = make([]int, len(o.Columns))
	out := append(make([]byte, 0, len(body)+16*len(pairs)+2), '{')
	places := make(map[string]int, len(pairs))
	for _, p := range pairs {
		if _, twice := places[p.Name]; !twice {
			places[p.Name] = 0
			b.Keys = append(b.Keys, p.Name)
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(appendText(out, p.Name), ':') // the last of a name counts, as in any object
		out = appendText(out, p.Value)
	}
	out = append(out, '}')
	b.JSON = out
	for i, name := range o.Columns {
		if _, ok := places[name]; ok {
			b.Present[i] = 1
		}
	}
	return nil
}

func parseForm(body string) ([]query.Argument, error) {
	var out []query.Argument
	for body != "" {
		var pair string
		pair, body, _ = strings.Cut(body, "&")
		if pair == "" {
			continue
		}
		if len(out) == maxPairs {
			return nil, refuse("Empty or invalid form", "There are too many fields.")
		}
		k, v, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(k)
		if err == nil {
			v, err = url.QueryUnescape(v)
		}
		if err != nil {
			return nil, refuse("Empty or invalid form", "A percent sign must be followed by two hexadecimal digits.")
		}
		if text := name + v; !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
			return nil, checkText([]byte(text))
		}
		out = append(out, query.Argument{Name: name, Value: v})
	}
	return out, nil
}
