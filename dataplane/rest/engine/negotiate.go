package engine

import (
	"net/http"
	"slices"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
	"github.com/wayli-app/fluxbase/dataplane/rest/plan"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// Media types with names of their own here.
const (
	JSON     = "application/json; charset=utf-8"
	Object   = "application/vnd.pgrst.object+json; charset=utf-8"
	CSV      = "text/csv; charset=utf-8"
	GeoJSON  = "application/geo+json; charset=utf-8"
	stripped = "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8"
	bareNull = "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8"
)

// choice is a media type and what it takes to make it.
type choice struct {
	mediaType string
	form      plan.Form
	single    bool
}

// producer is what media types are made of.
type producer struct {
	schema   *catalog.Schema
	relation *catalog.Relation
	function *catalog.Function
	// whole tells that all columns are returned: only then do a relation's own handlers apply.
	whole bool
	plans bool
}

// negotiate picks the first media type of the request that can be made.
func (p *producer) negotiate(accept []query.MediaType) (choice, error) {
	if len(accept) == 0 {
		accept = anything
	}
	for _, m := range accept {
		if c, ok := p.pick(m); ok {
			return c, nil
		}
	}
	return choice{}, &query.Error{Status: http.StatusNotAcceptable, Code: "PGRST107",
		Message: "None of these media types are available: " + describe(accept)}
}

var anything = []query.MediaType{{Type: "*/*"}}

func describe(accept []query.MediaType) string {
	names := make([]string, len(accept))
	for i, m := range accept {
		names[i] = m.String()
	}
	return strings.Join(names, ", ")
}

func (p *producer) pick(m query.MediaType) (choice, bool) {
	strip := m.Params["nulls"] == "stripped"
	switch m.Type {
	case "application/vnd.pgrst.array+json":
		if strip {
			return choice{mediaType: stripped, form: plan.Form{StripNulls: true}}, true
		}
		return p.made("application/json")
	case "application/vnd.pgrst.object+json":
		if strip {
			return choice{mediaType: bareNull, form: plan.Form{StripNulls: true}, single: true}, true
		}
		return choice{mediaType: Object, single: true}, true
	case "application/vnd.pgrst.plan+text":
		return p.plan(m, "text")
	case "application/vnd.pgrst.plan+json":
		return p.plan(m, "json")
	}
	return p.made(m.Type)
}

// made finds what makes a media type: a handler of the relation or function, one for any rows, or the server itself.
func (p *producer) made(mediaType string) (choice, bool) {
	if own := returned(p.function); own != "" && (own == "*/*" || own == mediaType) {
		return choice{mediaType: sent(own), form: plan.Form{Kind: plan.FormScalar}}, true
	}
	if p.whole && p.relation != nil {
		if h := p.schema.Handler(p.relation, "*/*"); h != nil && h.RelationName != "" {
			return handled(h), true
		}
		if h := p.schema.Handler(p.relation, mediaType); h != nil && h.RelationName != "" {
			return handled(h), true
		}
	}
	if h := p.schema.Handler(nil, mediaType); h != nil {
		return handled(h), true
	}
	switch mediaType {
	case "application/json", "*/*", "application/*":
		return choice{mediaType: JSON}, true
	case "text/csv":
		return choice{mediaType: CSV, form: plan.Form{Kind: plan.FormColumns}}, true
	case "application/geo+json":
		return choice{mediaType: GeoJSON, form: plan.Form{Kind: plan.FormGeoJSON}}, true
	}
	return choice{}, false
}

// returned is the media type that a function itself makes, by returning a domain that is named after it, or "".
func returned(f *catalog.Function) string {
	if f == nil || f.Set || f.Returns != "scalar" || !strings.HasSuffix(f.Type, `"`) {
		return ""
	}
	name := f.Type[strings.LastIndexByte(f.Type[:len(f.Type)-1], '"')+1 : len(f.Type)-1]
	if !strings.Contains(name, "/") {
		return ""
	}
	return name
}

func handled(h *catalog.MediaHandler) choice {
	return choice{mediaType: sent(h.MediaType), form: plan.Form{Kind: plan.FormHandler, Handler: h}}
}

// sent is how a media type is sent: text that the server knows is UTF-8.
func sent(mediaType string) string {
	switch mediaType {
	case "*/*":
		return "application/octet-stream"
	case "application/json", "text/csv", "text/plain", "text/xml", "application/geo+json", "application/openapi+json", "application/x-www-form-urlencoded":
		return mediaType + "; charset=utf-8"
	}
	return mediaType
}

// planOptions in the order in which they are shown.
var planOptions = []string{"analyze", "verbose", "settings", "buffers", "wal"}

// plan shows how the server would make another media type.
func (p *producer) plan(m query.MediaType, format string) (choice, bool) {
	if !p.plans {
		return choice{}, false
	}
	about := query.MediaType{Type: "application/json"}
	if named := m.Params["for"]; named != "" {
		about = query.ParseContentType(named)
	}
	c, ok := choice{}, false
	if !strings.HasPrefix(about.Type, "application/vnd.pgrst.plan") {
		c, ok = p.pick(about)
	}
	if !ok {
		return choice{}, false
	}
	shown := c.mediaType
	if i := strings.Index(shown, "; charset="); i >= 0 {
		shown = shown[:i]
	}
	c.mediaType = "application/vnd.pgrst.plan+" + format + `; for="` + shown + `"`
	asked := strings.Split(m.Params["options"], "|")
	c.form.Explain = []string{}
	var names []string
	for _, o := range planOptions {
		if slices.Contains(asked, o) {
			names = append(names, o)
			c.form.Explain = append(c.form.Explain, strings.ToUpper(o))
		}
	}
	if len(names) > 0 {
		c.mediaType += "; options=" + strings.Join(names, "|")
	}
	c.mediaType += "; charset=utf-8"
	c.form.ExplainFormat = strings.ToUpper(format)
	return c, true
}
