package standalone

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// predicate tells whether a value is meant.
type predicate func(v any) bool

// filter keeps the elements for which a predicate holds; the older form keeps the first.
func filter(holds predicate, first bool) pathStep {
	return func(v any) []any {
		var out []any
		for _, e := range every(v) {
			if holds(e) {
				out = append(out, e)
				if first {
					return out
				}
			}
		}
		return out
	}
}

func (p *pathParser) any() (predicate, error) {
	left, err := p.all()
	for err == nil {
		p.spaces()
		if !p.take("||") {
			return left, nil
		}
		var right predicate
		if right, err = p.all(); err == nil {
			a := left
			left = func(v any) bool { return a(v) || right(v) }
		}
	}
	return nil, err
}

func (p *pathParser) all() (predicate, error) {
	left, err := p.one()
	for err == nil {
		p.spaces()
		if !p.take("&&") {
			return left, nil
		}
		var right predicate
		if right, err = p.one(); err == nil {
			a := left
			left = func(v any) bool { return a(v) && right(v) }
		}
	}
	return nil, err
}

func (p *pathParser) one() (predicate, error) {
	p.spaces()
	switch {
	case p.take("!"):
		inner, err := p.one()
		return func(v any) bool { return !inner(v) }, err
	case p.take("("):
		inner, err := p.any()
		if err != nil {
			return nil, err
		}
		p.spaces()
		if !p.take(")") {
			return nil, fmt.Errorf("a parenthesis must close before %q", p.in)
		}
		return inner, nil
	case p.take("search("):
		return p.search()
	}
	return p.comparison()
}

func (p *pathParser) search() (predicate, error) {
	value, err := p.operand()
	if err != nil {
		return nil, err
	}
	p.spaces()
	if !p.take(",") {
		return nil, fmt.Errorf("search needs two arguments")
	}
	p.spaces()
	if p.in == "" || p.in[0] != '\'' && p.in[0] != '"' {
		return nil, fmt.Errorf("the second argument of search must be text")
	}
	text, err := p.quoted()
	if err != nil {
		return nil, err
	}
	pattern, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("%q is no regular expression", text)
	}
	p.spaces()
	if !p.take(")") {
		return nil, fmt.Errorf("a parenthesis must close before %q", p.in)
	}
	return func(v any) bool {
		got, _ := value(v)
		s, ok := got.(string)
		return ok && pattern.MatchString(s)
	}, nil
}

var comparisons = []string{"^==", "==^", "*==", "==", "!=", "<=", ">=", "<", ">"}

func (p *pathParser) comparison() (predicate, error) {
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	p.spaces()
	at := slices.IndexFunc(comparisons, p.take)
	if at < 0 {
		return func(v any) bool { _, ok := left(v); return ok }, nil
	}
	if at < 3 && !p.old {
		return nil, fmt.Errorf("%s is of paths that begin with a dot; use search(@, …)", comparisons[at])
	}
	right, err := p.operand()
	if err != nil {
		return nil, err
	}
	return func(v any) bool {
		a, okA := left(v)
		b, okB := right(v)
		return compare(comparisons[at], a, b, okA, okB)
	}, nil
}

// operand reads "@" with a path, or a value. What it returns tells the value, and whether there is one.
func (p *pathParser) operand() (func(any) (any, bool), error) {
	p.spaces()
	if p.take("@") {
		inner := pathParser{in: p.in}
		steps, err := inner.steps()
		p.in = inner.in
		return func(v any) (any, bool) {
			found := walk(steps, v)
			if len(found) == 0 {
				return nil, false
			}
			return found[0], true
		}, err
	}
	var value any
	if p.in != "" && (p.in[0] == '\'' || p.in[0] == '"') {
		text, err := p.quoted()
		if err != nil {
			return nil, err
		}
		value = text
	} else {
		end := strings.IndexAny(p.in+" ", " )]&|=!<>,")
		word := p.in[:end]
		d := json.NewDecoder(strings.NewReader(word))
		d.UseNumber()
		if word == "" || d.Decode(&value) != nil {
			return nil, fmt.Errorf("%q is neither @ nor a value", p.in)
		}
		p.in = p.in[end:]
	}
	return func(any) (any, bool) { return value, true }, nil
}

func compare(op string, a, b any, okA, okB bool) bool {
	if !okA || !okB {
		return op == "==" && okA == okB || op == "!=" && okA != okB
	}
	textA, isA := a.(string)
	textB, isB := b.(string)
	numberA, isNumberA := a.(json.Number)
	numberB, isNumberB := b.(json.Number)
	order, ordered := 0, false
	switch {
	case isA && isB:
		order, ordered = strings.Compare(textA, textB), true
	case isNumberA && isNumberB:
		x, _ := numberA.Float64()
		y, _ := numberB.Float64()
		ordered = true
		if x < y {
			order = -1
		} else if x > y {
			order = 1
		}
	case a == nil || b == nil, isA, isB, isNumberA, isNumberB:
		order = 1
		if a == nil && b == nil {
			order = 0
		}
	default:
		if x, ok := a.(bool); !ok || x != b {
			order = 1
		}
	}
	switch op {
	case "==":
		return order == 0
	case "!=":
		return order != 0
	case "^==":
		return isA && isB && strings.HasPrefix(textA, textB)
	case "==^":
		return isA && isB && strings.HasSuffix(textA, textB)
	case "*==":
		return isA && isB && strings.Contains(textA, textB)
	case "<":
		return ordered && order < 0
	case "<=":
		return order <= 0 && ordered
	case ">":
		return ordered && order > 0
	}
	return ordered && order >= 0
}
