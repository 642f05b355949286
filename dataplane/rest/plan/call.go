package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// NewCall plans a call. The body holds the arguments of a POST; those of a GET are in the query.
func NewCall(s *catalog.Schema, name string, q *query.Query, body []byte) (*Call, error) {
	c := &Call{}
	var given []string
	if body != nil {
		if body = bytes.TrimSpace(body); len(body) == 0 {
			body = []byte("{}")
		}
		var object map[string]json.RawMessage
		if err := json.Unmarshal(body, &object); err != nil || object == nil {
			return nil, invalidBody("Empty or invalid json", "The body of a call is an object with its arguments.")
		}
		for key := range object {
			given = append(given, key)
		}
		c.Payload = string(body)
	}
	values := map[string]string{}
	if body == nil {
		for _, a := range q.Arguments {
			if _, twice := values[a.Name]; !twice {
				given = append(given, a.Name)
			}
			values[a.Name] = a.Value
		}
	}
	sort.Strings(given)
	var err error
	if c.Function, err = overload(s, name, given); err != nil {
		return nil, err
	}
	for _, a := range c.Function.Arguments {
		if slices.Contains(given, a.Name) {
			c.Arguments = append(c.Arguments, a)
			if body == nil {
				c.Values = append(c.Values, values[a.Name])
			}
		}
	}
	c.Shape, err = resolver{}.shape(q)
	if err == nil && c.Function.Returns != "composite" && c.Function.Returns != "record" &&
		(len(q.Select) > 0 || len(q.Where) > 0 || len(q.Order) > 0) {
		err = &query.Error{Status: http.StatusBadRequest, Code: "42703",
			Message: fmt.Sprintf("the function %s returns values without columns to select, filter or order by", name)}
	}
	return c, err
}

// overload finds the one function that takes the given arguments and needs no others.
func overload(s *catalog.Schema, name string, given []string) (*catalog.Function, error) {
	var fit []*catalog.Function
	for _, f := range s.Functions[name] {
		if takes(f, given) {
			fit = append(fit, f)
		}
	}
	if len(fit) > 1 {
		// One that takes just what is given is meant rather than one that fills up with defaults.
		if exact := slices.DeleteFunc(slices.Clone(fit), func(f *catalog.Function) bool { return len(f.Arguments) != len(given) }); len(exact) > 0 {
			fit = exact
		}
	}
	if len(fit) == 1 {
		return fit[0], nil
	}
	signature := s.Name + "." + name
	if len(given) > 0 {
		signature += "(" + strings.Join(given, ", ") + ")"
	}
	if len(fit) > 1 {
		var choices []string
		for _, f := range fit {
			choices = append(choices, describe(s, f))
		}
		sort.Strings(choices)
		return nil, &query.Error{Status: http.StatusMultipleChoices, Code: "PGRST203",
			Message: "Could not choose the best candidate function between: " + strings.Join(choices, ", "),
			Hint:    "Try renaming the parameters or the function itself in the database so function overloading can be resolved"}
	}
	e := &query.Error{Status: http.StatusNotFound, Code: "PGRST202",
		Message: fmt.Sprintf("Could not find the function %s in the schema cache", signature)}
	switch others := s.Functions[name]; {
	case len(others) > 0:
		e.Hint = "Perhaps you meant to call the function " + describe(s, others[0])
	default:
		if near := nearest(name, s.Functions); near != "" {
			e.Hint = fmt.Sprintf("Perhaps you meant to call the function %s.%s", s.Name, near)
		}
	}
	with := "without parameters"
	if len(given) > 0 {
		with = "with the parameters " + strings.Join(given, ", ")
	}
	e.Details = fmt.Sprintf("Searched for the function %s.%s %s, but no matches were found in the schema cache.", s.Name, name, with)
	return nil, e
}

func takes(f *catalog.Function, given []string) bool {
	for _, name := range given {
		if !slices.ContainsFunc(f.Arguments, func(a catalog.Argument) bool { return a.Name == name && name != "" }) {
			return false
		}
	}
	for _, a := range f.Arguments {
		if a.Required && !a.Variadic && !slices.Contains(given, a.Name) {
			return false
		}
	}
	return true
}

func describe(s *catalog.Schema, f *catalog.Function) string {
	args := make([]string, len(f.Arguments))
	for i, a := range f.Arguments {
		args[i] = a.Name + " => " + a.Type
	}
	return s.Name + "." + f.Name + "(" + strings.Join(args, ", ") + ")"
}
