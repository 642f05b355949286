package standalone

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// claimPath finds the role in a token's claims: a JSON path (RFC 9535, of whose functions only search is known), or one of the older
// form that begins with a dot, whose filters also compare by "^==" (begins with), "==^" (ends with) and "*==" (contains) and whose
// slice takes a part of the text.
type claimPath struct {
	text  string
	steps []pathStep
}

// pathStep goes from one value to those below it that it selects.
type pathStep func(v any) []any

// parseClaimPath reads a path.
func parseClaimPath(text string) (*claimPath, error) {
	p := pathParser{in: text}
	switch {
	case strings.HasPrefix(text, "$"):
		p.in = text[1:]
	case strings.HasPrefix(text, "."):
		p.old = true
	default:
		return nil, fmt.Errorf("failed to parse role-claim-key value (%s): it must begin with $", text)
	}
	steps, err := p.steps()
	if err == nil && p.in != "" {
		err = fmt.Errorf("%q is not part of a path", p.in)
	}
	if err != nil {
		return nil, fmt.Errorf("failed to parse role-claim-key value (%s): %w", text, err)
	}
	return &claimPath{text: text, steps: steps}, nil
}

// find returns the first value that the path selects, as text, and whether there is one.
func (c *claimPath) find(claims map[string]any) (string, bool) {
	found := walk(c.steps, claims)
	if len(found) == 0 || found[0] == nil {
		return "", false
	}
	if s, ok := found[0].(string); ok {
		return s, s != ""
	}
	out, err := json.Marshal(found[0])
	return string(out), err == nil
}

func walk(steps []pathStep, v any) []any {
	at := []any{v}
	for _, step := range steps {
		var next []any
		for _, v := range at {
			next = append(next, step(v)...)
		}
		at = next
	}
	return at
}

type pathParser struct {
	in  string
	old bool
}

func (p *pathParser) spaces() { p.in = strings.TrimLeft(p.in, " \t\r\n") }

func (p *pathParser) take(s string) bool {
	rest, ok := strings.CutPrefix(p.in, s)
	if ok {
		p.in = rest
	}
	return ok
}

// steps reads segments as long as there are any.
func (p *pathParser) steps() (out []pathStep, err error) {
	for {
		before := p.in
		p.spaces()
		var step pathStep
		switch {
		case p.take(".."):
			step, err = p.member()
			if err == nil {
				step = descend(step)
			}
		case p.take("."):
			step, err = p.member()
		case p.take("["):
			step, err = p.selector()
		default:
			if strings.TrimSpace(p.in) != "" {
				p.in = before
			}
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, step)
	}
}

func nameRune(r rune) bool {
	return r == '_' || r == '$' || r >= utf8.RuneSelf || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// member reads what follows a dot.
func (p *pathParser) member() (pathStep, error) {
	if !p.old && p.take("*") {
		return every, nil
	}
	if p.old && strings.HasPrefix(p.in, `"`) {
		name, err := p.quoted()
		return key(name), err
	}
	end := strings.IndexFunc(p.in, func(r rune) bool { return !nameRune(r) && (!p.old || r != '@') })
	if end < 0 {
		end = len(p.in)
	}
	name := p.in[:end]
	if name == "" || !p.old && ('0' <= name[0] && name[0] <= '9' || strings.Contains(name, "$")) {
		return nil, fmt.Errorf("a name must follow the dot before %q", p.in)
	}
	p.in = p.in[end:]
	return key(name), nil
}

// quoted reads text in single or double quotes.
func (p *pathParser) quoted() (string, error) {
	quote := p.in[0]
	var out strings.Builder
	for i := 1; i < len(p.in); i++ {
		switch c := p.in[i]; {
		case c == quote:
			p.in = p.in[i+1:]
			return out.String(), nil
		case c == '\\' && i+1 < len(p.in):
			i++
			out.WriteByte(p.in[i])
		default:
			out.WriteByte(c)
		}
	}
	return "", fmt.Errorf("a quote must close %q", p.in)
}

// selector reads what stands in brackets, and the closing bracket.
func (p *pathParser) selector() (step pathStep, err error) {
	p.spaces()
	switch {
	case p.take("?"):
		var holds predicate
		if holds, err = p.any(); err == nil {
			step = filter(holds, p.old)
		}
	case p.take("*"):
		step = every
	case strings.HasPrefix(p.in, "'"), strings.HasPrefix(p.in, `"`):
		var name string
		name, err = p.quoted()
		step = key(name)
	default:
		step, err = p.index()
	}
	if err != nil {
		return nil, err
	}
	p.spaces()
	if !p.take("]") {
		return nil, fmt.Errorf("a bracket must close before %q", p.in)
	}
	return step, nil
}

// index reads "n" or "from:to".
func (p *pathParser) index() (pathStep, error) {
	inside, _, ok := strings.Cut(p.in, "]")
	if !ok {
		return nil, fmt.Errorf("a bracket must close %q", p.in)
	}
	p.in = p.in[len(inside):]
	number := func(s string) (*int, error) {
		if s = strings.TrimSpace(s); s == "" {
			return nil, nil
		}
		n, err := strconv.Atoi(s)
		if err != nil {
			return nil, fmt.Errorf("%q is not a whole number", s)
		}
		return &n, nil
	}
	first, second, slice := strings.Cut(inside, ":")
	from, err := number(first)
	if err != nil {
		return nil, err
	}
	to, err := number(second)
	if err != nil {
		return nil, err
	}
	if slice {
		return cut(from, to, p.old), nil
	}
	if from == nil {
		return nil, fmt.Errorf("brackets must hold something")
	}
	return func(v any) []any {
		list, _ := v.([]any)
		i := *from
		if i < 0 {
			i += len(list)
		}
		if i < 0 || i >= len(list) {
			return nil
		}
		return list[i : i+1]
	}, nil
}

func key(name string) pathStep {
	return func(v any) []any {
		object, _ := v.(map[string]any)
		if found, ok := object[name]; ok {
			return []any{found}
		}
		return nil
	}
}

func every(v any) []any {
	switch v := v.(type) {
	case []any:
		return v
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		out := make([]any, len(names))
		for i, name := range names {
			out[i] = v[name]
		}
		return out
	}
	return nil
}

// descend applies a step to a value and everything below it.
func descend(step pathStep) pathStep {
	var all pathStep
	all = func(v any) []any {
		out := step(v)
		for _, child := range every(v) {
			out = append(out, all(child)...)
		}
		return out
	}
	return all
}

// cut takes a part of an array, or in the older form of text.
func cut(from, to *int, old bool) pathStep {
	bounds := func(n int) (int, int) {
		at := func(i *int, otherwise int) int {
			if i == nil {
				return otherwise
			}
			if *i < 0 {
				return max(*i+n, 0)
			}
			return min(*i, n)
		}
		a, b := at(from, 0), at(to, n)
		return a, max(a, b)
	}
	return func(v any) []any {
		switch v := v.(type) {
		case []any:
			a, b := bounds(len(v))
			return v[a:b]
		case string:
			if old {
				runes := []rune(v)
				a, b := bounds(len(runes))
				return []any{string(runes[a:b])}
			}
		}
		return nil
	}
}
