package query

import (
	"net/url"
	"strconv"
	"strings"
)

// String writes the query so that Parse gives it back. Names and values are quoted where they need it.
func (q *Query) String() string {
	var out []string
	add := func(key, value string) { out = append(out, url.QueryEscape(key)+"="+url.QueryEscape(value)) }
	if len(q.Select) > 0 {
		add("select", join(q.Select, Item.text))
	}
	for _, a := range q.Arguments {
		add(a.Name, a.Value)
	}
	for _, c := range q.Where {
		switch {
		case c.Filter == nil:
			key, value, _ := strings.Cut(c.text(), "(")
			add(key, "("+value)
		default:
			add(c.Filter.Field.text(), c.operation(false))
		}
	}
	if len(q.Order) > 0 {
		add("order", join(q.Order, Order.text))
	}
	if q.Limit >= 0 {
		add("limit", strconv.FormatInt(q.Limit, 10))
	}
	if q.Offset >= 0 {
		add("offset", strconv.FormatInt(q.Offset, 10))
	}
	if len(q.Columns) > 0 {
		add("columns", join(q.Columns, quote))
	}
	if len(q.OnConflict) > 0 {
		add("on_conflict", join(q.OnConflict, quote))
	}
	return strings.Join(out, "&")
}

func join[T any](list []T, text func(T) string) string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = text(v)
	}
	return strings.Join(out, ",")
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

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
	if i.Star {
		return "*"
	}
	out := i.Field.text()
	if i.Alias != "" {
		out = quote(i.Alias) + ":" + out
	}
	if i.Cast != "" {
		out += "::" + i.Cast
	}
	return out
}

func (o Order) text() string {
	out := o.Field.text() + ".asc"
	if o.Descending {
		out = o.Field.text() + ".desc"
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
	out := ""
	if c.Not {
		out = "not."
	}
	f := c.Filter
	switch {
	case f.Operator == "in":
		return out + "in.(" + join(f.List, quote) + ")"
	case inTree:
		return out + f.Operator + "." + quote(f.Value)
	default:
		return out + f.Operator + "." + f.Value
	}
}
