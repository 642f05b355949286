package api

import (
	"net/http"

	"github.com/wayli-app/fluxbase/dataplane/rest/api/fields"
	"github.com/wayli-app/fluxbase/dataplane/rest/engine"
	"github.com/wayli-app/fluxbase/dataplane/rest/payload"
)

// function answers at /rpc/{function}.
func (q *request) function(name string) error {
	if err := q.methods(http.MethodGet, http.MethodHead, http.MethodPost); err != nil {
		return err
	}
	posted := q.http.Method == http.MethodPost
	arguments, err := q.argumentsOf(name, posted)
	if err != nil {
		return err
	}
	a, err := q.ask(arguments)
	if err != nil {
		return err
	}
	e := q.begin(engine.Call, name, a)
	if posted {
		if e.Body, err = q.body(payload.Options{Call: true}); err != nil {
			return err
		}
		if e.Body.Object {
			if err := q.checkCall(name, e.Body.JSON); err != nil {
				return err
			}
		}
	}
	return q.read(e)
}

// argumentsOf are the names of a function's arguments, which the URL of a GET has; nil for a POST.
func (q *request) argumentsOf(name string, posted bool) (map[string]bool, error) {
	if posted {
		return nil, nil
	}
	s, err := q.described(q.http.Context(), false)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, f := range s.Functions[name] {
		for _, a := range f.Arguments {
			out[a.Name] = true
		}
	}
	return out, nil
}

// checkCall checks the arguments of a function that has no overloads. What is not known is left to the planner.
func (q *request) checkCall(name string, body []byte) error {
	for _, fresh := range []bool{false, true} {
		s, err := q.described(q.http.Context(), fresh)
		if err != nil {
			return err
		}
		if len(s.Functions[name]) != 1 {
			return nil
		}
		f := s.Functions[name][0]
		if len(f.Arguments) == 1 && f.Arguments[0].Name == "" { // the body as a whole
			return nil
		}
		wrong, err := fields.Arguments(f, body)
		if err != nil || wrong == nil {
			return err
		}
		if fresh { // and not only by what was known before
			return wrong
		}
	}
	return nil
}
