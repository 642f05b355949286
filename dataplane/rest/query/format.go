package query

import (
	"net/url"
	"strconv"
	"strings"
)

// String writes the query so that Parse gives it back. Names and values are quoted where they need it.
func (q *Query) String() string {
	var w writer
	if q.Select != nil {
		w.add("select", join(q.Select, Item.text))
	}
	for _, a := range q.Arguments {
		w.add(quote(a.Name), a.Value)
	}
	w.node(&q.Node, "")
	if len(q.Columns) > 0 {
		w.add("columns", join(q.Columns, quote))
	}
	if len(q.OnConflict) > 0 {
		w.add("on_conflict", join(q.OnConflict, quote))
	}
	return w.out.String()
}

type writer struct{ out strings.Builder }

func (w *writer) add(key, value string) {
	if w.out.Len() > 0 {
		w.out.WriteByte('&')
	}
	w.out.WriteString(url.QueryEscape(key))
	w.out.WriteByte('=')
	w.out.WriteString(url.QueryEscape(value))
}

// node writes what is addressed to a node, and to the embeds within.
func (w *writer) node(n *Node, path string) {
	for _, c := range n.Where {
		if c.Filter == nil {
			key, value, _ := strings.Cut(c.text(), "(")
			w.add(path+key, "("+value)
			continue
		}
		w.add(path+c.Filter.Field.text(), c.operation(false))
	}
	if len(n.Order) > 0 {
		w.add(path+"order", join(n.Order, Order.text))
	}
	if n.Limit >= 0 {
		w.add(path+"limit", strconv.FormatInt(n.Limit, 10))
	}
	if n.Offset >= 0 {
		w.add(path+"offset", strconv.FormatInt(n.Offset, 10))
	}
	for _, i := range n.Select {
		if i.Embed != nil {
			w.node(&i.Embed.Node, path+quote(i.Embed.Name())+".")
		}
	}
}

func join[T any](list []T, text func(T) string) string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = text(v)
	}
	return strings.Join(out, ",")
}

var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func quote(s string) string { return `"` + escapes.Replace(s) + `"` }

func (f Field) text() string {
	var out strings.Builder
	out.WriteString(quote(f.Column))
	for _, s := range f.Path {
		out.WriteString("->")
		if s.Text {
			out.WriteString(">")
		}
		if s.Index {
			out.WriteString(s.Key)
		} else {
			out.WriteString(quote(s.Key))
		}
	}
	return out.String()
}

func (i Item) text() string {
	out := ""
	switch {
	case i.Star:
		return "*"
	case i.Embed != nil:
		return i.Embed.text()
	case i.Alias != "":
		out = quote(i.Alias) + ":"
	}
	if i.Column == "" {
		out += i.Aggregate + "()"
	} else {
		out += i.Field.text()
		if i.Cast != "" {
			out += "::" + i.Cast
		}
		if i.Aggregate != "" {
			out += "." + i.Aggregate + "()"
		}
	}
	if i.AggregateCast != "" {
		out += "::" + i.AggregateCast
	}
	return out
}

func (e *Embed) text() string {
	out := quote(e.Relation)
	switch {
	case e.Spread:
		out = "..." + out
	case e.Alias != "":
		out = quote(e.Alias) + ":" + out
	}
	if e.Hint != "" {
		out += "!" + quote(e.Hint)
	}
	if e.Join != "" {
		out += "!" + e.Join
	}
	if e.Select == nil {
		return out + "(*)"
	}
	return out + "(" + join(e.Select, Item.text) + ")"
}

func (o Order) text() string {
	out := o.Field.text()
	if o.Relation != "" {
		out = quote(o.Relation) + "(" + out + ")"
	}
	if o.Direction != "" {
		out += "." + o.Direction
	}
	if o.Nulls != "" {
		out += ".nulls" + o.Nulls
	}
	return out
}

func (c Condition) text() string {
	not := ""
	if c.Not {
		not = "not."
	}
	switch {
	case c.Filter != nil:
		return c.Filter.Field.text() + "." + c.operation(true)
	case c.Any != nil:
		return not + "or(" + join(c.Any, Condition.text) + ")"
	default:
		return not + "and(" + join(c.All, Condition.text) + ")"
	}
}

// operation writes what follows the field; within a tree the value is quoted.
func (c Condition) operation(inTree bool) string {
	f := c.Filter
	out := f.Operator
	if c.Not {
		out = "not." + out
	}
	if f.Quantifier != "" {
		out += "(" + f.Quantifier + ")"
	}
	if f.Language != "" {
		out += "(" + f.Language + ")"
	}
	switch {
	case f.Operator == "in":
		return out + ".(" + join(f.List, quote) + ")"
	case inTree && f.Operator != "is":
		return out + "." + quote(f.Value)
	default:
		return out + "." + f.Value
	}
}
