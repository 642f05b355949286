package plan

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/payload"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// NewCall plans a call of the schema's function, and the read of what it returns. The body holds the arguments of a POST; without one
// they are the query's.
func NewCall(c *catalog.Catalog, s *catalog.Schema, name string, q *query.Query, b *payload.Body, o Options) (*Read, error) {
	g := given{schema: s, name: name, body: b, pairs: q.Arguments}
	g.read(q)
	f, raw, err := g.choose()
	if err != nil {
		return nil, err
	}
	call := &Call{Function: f}
	switch {
	case raw:
		call.HasRaw, call.Arguments = true, f.Arguments
		if call.Raw = b.Raw; b.JSON != nil {
			call.Raw = b.JSON
		}
		if call.Raw == nil {
			call.Raw = []byte{}
		}
	default:
		g.arguments(call)
	}
	src := Source{Call: call}
	if f.RelationName != "" {
		src.Relation = relationOf(c, f)
	}
	return NewSourceRead(c, s, src, &q.Node, o)
}

func relationOf(c *catalog.Catalog, f *catalog.Function) *catalog.Relation {
	for _, s := range c.Schemas {
		if s.Physical == f.RelationSchema {
			return s.Relations[f.RelationName]
		}
	}
	return nil
}

// given is what a request gives a function.
type given struct {
	schema *catalog.Schema
	name   string
	// body is nil for a call by URL.
	body  *payload.Body
	pairs []query.Argument
	// names are those of the arguments, sorted, none twice.
	names []string
}

func (g *given) read(q *query.Query) {
	switch b := g.body; {
	case b == nil:
	case b.Type == "application/json":
		g.pairs, g.names = nil, b.Keys
		if q.Columns != nil {
			g.names = q.Columns
		}
	default:
		g.pairs = b.Arguments
	}
	for _, p := range g.pairs {
		g.names = append(g.names, p.Name)
	}
	g.names = slices.Compact(slices.Sorted(slices.Values(g.names)))
}

// raw reports whether the whole body is the argument.
func (g *given) raw() bool {
	return g.body != nil && g.body.Raw != nil
}

// bodyTypes are the types of the single unnamed argument that takes a body of a media type.
var bodyTypes = map[string][]string{
	"application/json": {"json", "jsonb"}, "text/plain": {"text"}, "text/xml": {"xml"}, "application/octet-stream": {"bytea"},
}

// unnamed reports whether the function takes the whole body as its only argument.
func (g *given) unnamed(f *catalog.Function) bool {
	return g.body != nil && len(f.Arguments) == 1 && f.Arguments[0].Name == "" && slices.Contains(bodyTypes[g.body.Type], f.Arguments[0].Type)
}

// choose finds the one function that takes what is given and needs nothing else. Raw tells that it takes the whole body: such a
// function is called when none takes the arguments by name.
func (g *given) choose() (f *catalog.Function, raw bool, err error) {
	var named, whole []*catalog.Function
	for _, f := range g.schema.Functions[g.name] {
		switch {
		case !g.raw() && g.takes(f):
			named = append(named, f)
		case g.unnamed(f):
			whole = append(whole, f)
		}
	}
	fit := named
	if len(named) == 0 {
		fit, raw = whole, true
	}
	switch len(fit) {
	case 0:
		if b := g.body; b != nil && !b.Uniform && len(b.JSON) > 0 && b.JSON[0] == '[' {
			return nil, false, invalidBody("All object keys must match")
		}
		return nil, false, g.unknown()
	case 1:
		return fit[0], raw, nil
	}
	return nil, false, ambiguous(g.schema, fit)
}

// takes reports whether a function takes the given arguments, and needs no others.
func (g *given) takes(f *catalog.Function) bool {
	if b := g.body; b != nil && b.JSON != nil && !b.Uniform {
		return false // neither an object nor objects of the same keys
	}
	for _, name := range g.names {
		if name == "" || !slices.ContainsFunc(f.Arguments, func(a catalog.Argument) bool { return a.Name == name }) {
			return false
		}
	}
	for _, a := range f.Arguments {
		if _, has := slices.BinarySearch(g.names, a.Name); a.Required && !has {
			return false
		}
	}
	return true
}

// arguments gives the call those of the function's arguments that the request names.
func (g *given) arguments(c *Call) {
	for _, a := range c.Function.Arguments {
		if _, has := slices.BinarySearch(g.names, a.Name); has {
			c.Arguments = append(c.Arguments, a)
		}
	}
	if g.body != nil && g.body.JSON != nil {
		c.Payload, c.List = g.body.JSON, g.body.Array
		return
	}
	c.Values = make([][]string, len(c.Arguments))
	for i, a := range c.Arguments {
		for _, p := range g.pairs {
			if p.Name == a.Name {
				c.Values[i] = append(c.Values[i], p.Value)
			}
		}
	}
}

func ambiguous(s *catalog.Schema, fit []*catalog.Function) error {
	slices.SortStableFunc(fit, func(a, b *catalog.Function) int {
		return cmp.Or(cmp.Compare(len(a.Arguments), len(b.Arguments)), cmp.Compare(describe(s, a), describe(s, b)))
	})
	choices := make([]string, len(fit))
	for i, f := range fit {
		choices[i] = describe(s, f)
	}
	return &query.Error{Status: http.StatusMultipleChoices, Code: "PGRST203",
		Message: "Could not choose the best candidate function between: " + strings.Join(choices, ", "),
		Hint:    "Try renaming the parameters or the function itself in the database so function overloading can be resolved"}
}

func describe(s *catalog.Schema, f *catalog.Function) string {
	args := make([]string, len(f.Arguments))
	for i, a := range f.Arguments {
		args[i] = a.Name + " => " + a.Type
	}
	return s.Name + "." + f.Name + "(" + strings.Join(args, ", ") + ")"
}

// unknown refuses a call of what is not there, in PostgREST's words.
func (g *given) unknown() error {
	function := g.schema.Name + "." + clip(g.name)
	var with, what, hint string
	if g.raw() {
		with = " with a single unnamed " + bodyTypes[g.body.Type][0] + " parameter"
	} else {
		switch len(g.names) {
		case 0:
			with = " without parameters"
			what = with
		case 1:
			with = " with parameter "
		default:
			with = " with parameters "
		}
		if len(g.names) > 0 {
			with += g.list()
			what = "(" + g.list() + ")"
		}
		if g.body != nil && g.body.Type == "application/json" {
			with += " or with a single unnamed json/jsonb parameter"
		}
		hint = g.hint()
	}
	e := &query.Error{Status: http.StatusNotFound, Code: "PGRST202",
		Message: fmt.Sprintf("Could not find the function %s%s in the schema cache", function, what),
		Details: fmt.Sprintf("Searched for the function %s%s, but no matches were found in the schema cache.", function, with)}
	if hint != "" {
		e.Hint = fmt.Sprintf("Perhaps you meant to call the function %s.%s", g.schema.Name, hint)
	}
	return e
}

// list names what is given. No function takes more than a hundred arguments.
func (g *given) list() string {
	names := make([]string, min(len(g.names), 101))
	for i := range names {
		names[i] = clip(g.names[i])
	}
	return strings.Join(names, ", ")
}

// hint is the overload that is most like what was called, or else the function whose name is.
func (g *given) hint() string {
	names, signatures := map[string]bool{}, map[string]bool{}
	for name, list := range g.schema.Functions {
		names[name] = slices.ContainsFunc(list, callable)
	}
	maps.DeleteFunc(names, func(_ string, callable bool) bool { return !callable })
	if !names[g.name] {
		return similarIn(g.name, names)
	}
	for _, f := range g.schema.Functions[g.name] {
		names := make([]string, len(f.Arguments))
		for i, a := range f.Arguments {
			names[i] = a.Name
		}
		slices.Sort(names)
		signatures["("+strings.Join(names, ", ")+")"] = true
	}
	if near := similarIn("("+g.list()+")", signatures); near != "" {
		return g.name + near
	}
	return ""
}

// callable reports whether any request can call a function: its arguments have names, or its only one takes a body.
func callable(f *catalog.Function) bool {
	if len(f.Arguments) == 1 && f.Arguments[0].Name == "" {
		for _, types := range bodyTypes {
			if slices.Contains(types, f.Arguments[0].Type) {
				return true
			}
		}
	}
	return !slices.ContainsFunc(f.Arguments, func(a catalog.Argument) bool { return a.Name == "" && a.Required })
}
