// Package query parses what a REST request asks for, its URL and its headers, into a syntax tree. It knows nothing of the
// database.
package query

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Query is the parsed query string of a request.
type Query struct {
	// Node is what the URL asks of the target itself: its select, filters, order and window. An embed's own are in the embed.
	Node
	// Columns names the columns that an insert or update writes, whatever its body has; nil when not given.
	Columns []string
	// OnConflict names the columns by which an upsert finds the row that is there.
	OnConflict []string
	// Arguments are those of a function called by GET, in the order of the URL. A name may come several times (variadic).
	Arguments []Argument
	// Legacy are the relations by whose names filters, orders or windows called an embed that has an alias (Options.LegacyNames).
	Legacy []string
}

// Node is what is asked of one source of rows: the target or an embed.
type Node struct {
	// Select lists what to return; nil is everything. (An explicit empty list, "select=" or "rel()", is not nil and has no items.)
	Select []Item
	// Where is the conjunction of all filters, in the order of the URL.
	Where []Condition
	Order []Order
	// Limit and Offset are negative when not given.
	Limit, Offset int64
}

// Argument is a function's named argument as text.
type Argument struct{ Name, Value string }

// Field is a column, or a place within a JSON column.
type Field struct {
	Column string
	Path   []Step
}

// Step goes one level into a JSON value.
type Step struct {
	// Key is an object's key, or an array's index when Index is set.
	Key   string
	Index bool
	// Text takes the value as text (->>) instead of JSON (->). A step after one is for Postgres to refuse.
	Text bool
}

// Item is one thing to return: exactly one of a star, a field (perhaps aggregated), or an embed.
type Item struct {
	// Star is "*", all columns; nothing else is set then.
	Star bool
	// Embed is a related resource; nothing else is set then.
	Embed *Embed
	// Field is empty for count().
	Field
	// Alias names the output; Cast is the type that the field is cast to, before it is aggregated, as written: a name (letters,
	// digits, spaces, _ and $), perhaps "(n)" or "(n,m)", perhaps "[]".
	Alias, Cast string
	// Aggregate is "", "count", "sum", "avg", "min" or "max"; AggregateCast is the type that its result is cast to.
	Aggregate, AggregateCast string
}

// Embed is a related resource within a select: "alias:relation!hint!inner(…)" or "...relation(…)".
type Embed struct {
	// Relation is the name of the related table or view, of the computed relationship, or of the column that is its foreign key.
	Relation string
	Alias    string
	// Hint is what stands after "!": a column, constraint or junction table.
	Hint string
	// Join is "", "inner" or "left".
	Join   string
	Spread bool
	// Node is what is selected of it, and the filters, order and window addressed to it ("relation.column=eq.1",
	// "relation.order=…", "relation.limit=…", "relation.or=(…)").
	Node
}

// Name is how the request calls the embed: its alias or else its relation.
func (e *Embed) Name() string {
	if e.Alias != "" {
		return e.Alias
	}
	return e.Relation
}

// Order is one key of the order.
type Order struct {
	// Relation is the embed whose column it is ("order=relation(column)"), or "".
	Relation string
	Field
	// Direction is "", "asc" or "desc".
	Direction string
	// Nulls is "", "first" or "last".
	Nulls string
}

// Condition is a filter, or several combined.
type Condition struct {
	Not bool
	// Any and All combine; exactly one of Any, All and Filter is set.
	Any, All []Condition
	Filter   *Filter
}

// Filter compares a field with a value.
type Filter struct {
	Field
	// Operator is as in the URL: eq neq gt gte lt lte like ilike match imatch is isdistinct in fts plfts phfts wfts cs cd ov sl sr
	// nxr nxl adj.
	Operator string
	// Quantifier is "", "any" or "all", for eq gt gte lt lte like ilike match imatch: Value is then an array in Postgres' text form,
	// "{a,b}".
	Quantifier string
	// Language is the text search configuration, for fts plfts phfts wfts, or "".
	Language string
	// Value is the operand as text, in which like and ilike may have * for %; for is it is one of null, not_null, true, false, unknown in lower case.
	Value string
	// List is the value of "in".
	List []string
}

// The bounds of what is parsed. A URL is bounded by its length besides.
const (
	// maxNodes bounds the parameters, the items of a select, the conditions of a tree and the keys of an order.
	maxNodes = 4096
	// maxEmbeds bounds the embeds of a request, each of which is a join to plan.
	maxEmbeds = 256
	// maxDepth bounds embeds within embeds, trees within trees, and steps into JSON.
	maxDepth = 32
)

// addressed is a parameter of an embed, which waits until the select is known.
type addressed struct {
	path       []string
	word, name string // the key's last word, where it is a reserved one, and the whole key
	value      string
	negated    bool // of and, or
	condition  Condition
}

// Options are how a query string is read.
type Options struct {
	// Call tells of a call of a function by GET: what is not a filter is an argument.
	Call bool
	// LegacyNames lets filters, orders and windows call an embed by its relation though it has an alias.
	LegacyNames bool
}

// Parse parses a raw query string with legacy names.
func Parse(raw string, call bool) (*Query, error) {
	return Options{Call: call, LegacyNames: true}.Parse(raw)
}

// Parse parses a raw query string. Its errors are *Error.
func (o Options) Parse(raw string) (*Query, error) {
	p := parser{Options: o}
	q := &p.query
	q.Limit, q.Offset = -1, -1
	for n := 0; raw != ""; n++ {
		if n > maxNodes {
			return nil, refuse("query string", "", "", 0, "There are too many parameters.")
		}
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		k, v, given := strings.Cut(pair, "=")
		if !given || k == "" {
			continue
		}
		key, value := unescape(k), unescape(v)
		if strings.IndexByte(key, 0) >= 0 || strings.IndexByte(value, 0) >= 0 {
			return nil, refuse("query string", "", "", 0, "A name or value cannot contain a null byte.")
		}
		if err := p.parameter(key, value); err != nil {
			return nil, err
		}
	}
	for i := range p.later {
		if err := p.deliver(&p.later[i]); err != nil {
			return nil, err
		}
	}
	if p.related {
		if err := p.checkOrder(&q.Node); err != nil {
			return nil, err
		}
	}
	return q, nil
}

type parser struct {
	Options
	query                   Query
	selected, cols, related bool
	later                   []addressed
}

// unescape decodes as PostgREST does: a percent sign that escapes nothing stands for itself, and what is not UTF-8 is replaced.
func unescape(s string) string {
	if strings.IndexByte(s, '%') >= 0 || strings.IndexByte(s, '+') >= 0 {
		out := make([]byte, 0, len(s))
		for i := 0; i < len(s); i++ {
			switch c := s[i]; {
			case c == '+':
				out = append(out, ' ')
			case c == '%' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0:
				out = append(out, byte(unhex(s[i+1])<<4|unhex(s[i+2])))
				i += 2
			default:
				out = append(out, c)
			}
		}
		s = string(out)
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return s
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// parameter takes one. Of select, columns, on_conflict and order the first counts, of limit and offset the last.
func (p *parser) parameter(key, value string) (err error) {
	q := &p.query
	switch key {
	case "select":
		if !p.selected {
			p.selected = true
			q.Select, err = parseSelect(value)
		}
		return err
	case "columns":
		if !p.cols {
			p.cols = true
			q.Columns, err = parseNames("columns parameter", value)
		}
		return err
	case "on_conflict":
		if q.OnConflict == nil {
			q.OnConflict, err = parseNames("on_conflict parameter", value)
		}
		return err
	case "apikey": // a key may come in the URL
		return nil
	}
	switch word := key[strings.LastIndexByte(key, '.')+1:]; word {
	case "order", "limit", "offset", "and", "or":
		return p.reserved(key, word, value)
	}
	path, c, argument, err := parseFilter(key, value, p.Call)
	switch {
	case err != nil:
		return err
	case argument:
		q.Arguments = append(q.Arguments, Argument{c.Filter.Column, value})
	case path != nil:
		p.later = append(p.later, addressed{path: path, condition: c})
	default:
		q.Where = append(q.Where, c)
	}
	return nil
}

// reserved takes a parameter whose key ends in a reserved word: "limit", "relation.order", "relation.not.or".
func (p *parser) reserved(key, word, value string) error {
	a := addressed{word: word, name: key, value: value}
	if len(key) > len(word) {
		s := scanner{in: key, what: "tree path"}
		if word == "and" || word == "or" {
			s.what = "logic path"
		}
		for s.at < len(key)-len(word) {
			quoted := s.peek() == '"'
			name, err := s.name()
			if err != nil {
				return err
			}
			if !s.take('.') {
				return s.fail(s.at, `"."`)
			}
			last := s.at == len(key)-len(word)
			if last && !quoted && name == "not" && s.what == "logic path" {
				a.negated = true
			} else {
				a.path = append(a.path, name)
			}
			if len(a.path) > maxDepth {
				return s.excess("It goes too deep.")
			}
		}
	}
	if a.path == nil {
		return p.set(&p.query.Node, &a)
	}
	p.later = append(p.later, a)
	return nil
}

// deliver gives an embed what is addressed to it.
func (p *parser) deliver(a *addressed) error {
	n := &p.query.Node
	for _, name := range a.path {
		e := p.embed(n, name)
		if e == nil {
			return NotEmbedded(n, name)
		}
		n = &e.Node
	}
	if a.word == "" {
		n.Where = append(n.Where, a.condition)
		return nil
	}
	return p.set(n, a)
}

func (p *parser) set(n *Node, a *addressed) error {
	switch a.word {
	case "order":
		order, err := parseOrder(a.value)
		if err != nil {
			return err
		}
		if n.Order == nil {
			n.Order = order
		}
		for _, o := range order {
			p.related = p.related || o.Relation != ""
		}
	case "limit":
		limit, ok := number(a.value)
		if ok && limit < 0 {
			return rangeError("Limit should be greater than or equal to zero.")
		}
		if n.Limit = -1; ok {
			n.Limit = limit
		}
	case "offset":
		n.Offset = -1
		if offset, ok := number(a.value); ok && offset >= 0 {
			n.Offset = offset
		}
	default:
		c, err := parseTree(a.word, a.value)
		if err != nil {
			return err
		}
		c.Not = a.negated
		n.Where = append(n.Where, c)
	}
	return nil
}

// number reads an integer; one that is too large is the largest. What is none counts as not given, as with PostgREST.
func number(value string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	if err != nil && !strings.Contains(err.Error(), "range") {
		return 0, false
	}
	return n, true
}

// parseNames reads "a,\"b c\"", leaving out what comes again.
func parseNames(what, value string) ([]string, error) {
	s := scanner{in: value, what: what}
	var out []string
	seen := map[string]bool{}
	for {
		s.spaces()
		name, err := s.name()
		if err != nil {
			return nil, err
		}
		if !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
		if len(out) > maxNodes {
			return nil, s.excess("It names too many columns.")
		}
		s.spaces()
		if !s.take(',') {
			return out, nil
		}
	}
}

// embed finds the embed that a request calls by a name among those selected, or nil.
func (p *parser) embed(n *Node, name string) *Embed {
	for i := range n.Select {
		if e := n.Select[i].Embed; e != nil && e.Name() == name {
			return e
		}
	}
	if !p.LegacyNames {
		return nil
	}
	for i := range n.Select {
		if e := n.Select[i].Embed; e != nil && e.Relation == name {
			if !slices.Contains(p.query.Legacy, name) {
				p.query.Legacy = append(p.query.Legacy, name)
			}
			return e
		}
	}
	return nil
}

// checkOrder holds that what is ordered by is embedded.
func (p *parser) checkOrder(n *Node) error {
	for i := range n.Order {
		o := &n.Order[i]
		if o.Relation == "" {
			continue
		}
		e := p.embed(n, o.Relation)
		if e == nil {
			return NotEmbedded(n, o.Relation)
		}
		o.Relation = e.Name()
	}
	for i := range n.Select {
		if e := n.Select[i].Embed; e != nil {
			if err := p.checkOrder(&e.Node); err != nil {
				return err
			}
		}
	}
	return nil
}
