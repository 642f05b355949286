package api

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

// operators are those of filters.
var operators = map[string]bool{
	"eq": true, "neq": true, "gt": true, "gte": true, "lt": true, "lte": true, "like": true, "ilike": true, "match": true, "imatch": true,
	"is": true, "isdistinct": true, "in": true, "fts": true, "plfts": true, "phfts": true, "wfts": true, "cs": true, "cd": true, "ov": true,
	"sl": true, "sr": true, "nxr": true, "nxl": true, "adj": true,
}

// asked is the query string of a request, read.
type asked struct {
	*query.Query
	// count is "", "exact", "planned" or "estimated".
	count string
	// grouped tells of group_by.
	grouped bool
}

// parse reads a query string. Beyond PostgREST's it knows price.lt=50, sort=-price, count=exact, group_by=category and
// select=count(*),sum(price): all of that is another way to write what PostgREST's has, and becomes it. For a call by GET, arguments are
// the function's, which no parameter of ours hides; else it is nil.
func parse(raw string, arguments map[string]bool) (*asked, error) {
	out := &asked{}
	var groups, pairs []string
	selected, order := "", ""
	for pair := range strings.SplitSeq(raw, "&") {
		k, v, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(k)
		value, err2 := url.QueryUnescape(v)
		switch {
		case pair == "":
			continue
		case err != nil || err2 != nil:
			return nil, badQuery("A percent sign must be followed by two hexadecimal digits.")
		case len(pairs) > 1000:
			return nil, badQuery("There are too many parameters.")
		}
		own := !startsWithOperator(value)
		switch {
		case arguments[key]:
			pairs = append(pairs, pair)
		case key == "apikey": // a key may come in the URL
		case key == "select":
			selected = value
		case key == "order" || key == "sort" && own:
			if order != "" {
				return nil, badQuery("Give one order: order and sort are the same.")
			}
			order = value
		case key == "count" && own:
			if !slices.Contains([]string{"exact", "planned", "estimated"}, value) {
				return nil, badQuery("count is exact, planned or estimated.")
			}
			out.count = value
		case key == "group_by" && own:
			groups, out.grouped = split(value), true
		case (key == "limit" || key == "offset") && !number(value):
			return nil, badQuery(key + " is a whole number, not negative.")
		default:
			key, value = moved(key, value)
			pairs = append(pairs, url.QueryEscape(key)+"="+url.QueryEscape(value))
		}
	}
	selected, err := selection(selected, groups, out.grouped)
	if err != nil {
		return nil, err
	}
	if selected != "" {
		pairs = append(pairs, "select="+url.QueryEscape(selected))
	}
	if order != "" {
		pairs = append(pairs, "order="+url.QueryEscape(ordering(order)))
	}
	out.Query, err = query.Parse(strings.Join(pairs, "&"), arguments != nil)
	return out, err
}

func number(text string) bool {
	n, err := strconv.ParseInt(text, 10, 64)
	return err == nil && n >= 0
}

// moved turns price.lt=50 into price=lt.50: an operator at the end of a key, after a dot. A column that is called like an operator
// is quoted.
func moved(key, value string) (string, string) {
	dot := strings.LastIndexByte(key, '.')
	if dot <= 0 || strings.Count(key[dot:], `"`) > 0 {
		return key, value
	}
	operator := key[dot+1:]
	name, modifier := operator, ""
	if paren := strings.IndexByte(operator, '('); paren > 0 && strings.HasSuffix(operator, ")") {
		name, modifier = operator[:paren], operator[paren:]
	}
	if !operators[name] {
		return key, value
	}
	key = key[:dot]
	if name == "in" && !strings.HasPrefix(value, "(") {
		value = "(" + value + ")"
	}
	value = name + modifier + "." + value
	if positive, ok := strings.CutSuffix(key, ".not"); ok && positive != "" {
		return positive, "not." + value
	}
	return key, value
}

// startsWithOperator tells a filter's value from a word.
func startsWithOperator(value string) bool {
	value = strings.TrimPrefix(value, "not.")
	operator, _, dot := strings.Cut(value, ".")
	if paren := strings.IndexByte(operator, '('); paren > 0 {
		operator = operator[:paren]
	}
	return dot && operators[operator]
}

// ordering turns "-price,name" into "price.desc,name".
func ordering(value string) string {
	keys := split(value)
	for i, key := range keys {
		key = strings.TrimSpace(key)
		if descending, ok := strings.CutPrefix(key, "-"); ok {
			key = descending + ".desc"
		} else {
			key = strings.TrimPrefix(key, "+")
		}
		keys[i] = key
	}
	return strings.Join(keys, ",")
}

// An aggregate is written as in SQL, with a column's name or a quoted one.
var (
	aggregate  = regexp.MustCompile(`^(?:([^:()]+):)?(count|sum|avg|min|max)\((\*|[^()*]*)\)(::[\w \[\]]+)?$`)
	aggregated = regexp.MustCompile(`\.(count|sum|avg|min|max)\(\)|^(?:[^:()]+:)?count\(\)`)
	plain      = regexp.MustCompile(`^\w+$`)
)

// maxGroups bounds the columns of group_by.
const maxGroups = 64

// selection turns SQL's aggregates into PostgREST's, and adds the columns of group_by that it lacks.
func selection(value string, groups []string, grouped bool) (string, error) {
	items := split(value)
	var missing []string
	for _, g := range groups {
		if g = strings.TrimSpace(g); g == "" || len(groups) > maxGroups {
			return "", badQuery("group_by names columns, with commas between, and not too many.")
		}
		if !slices.ContainsFunc(items, func(item string) bool { return field(item) == g }) {
			missing = append(missing, g)
		}
	}
	aggregates := 0
	for i, item := range items {
		item = strings.TrimSpace(item)
		if m := aggregate.FindStringSubmatch(item); m != nil {
			item = fromSQL(m)
		}
		if aggregated.MatchString(item) {
			aggregates++
		} else if grouped && !slices.Contains(groups, field(item)) {
			return "", badQuery("With group_by, select has the columns of group_by and aggregates: " + strconv.Quote(item) + " is neither.")
		}
		items[i] = item
	}
	if grouped && len(items) == 0 {
		items, aggregates = []string{"count()"}, 1
	}
	if grouped && aggregates == 0 {
		return "", badQuery("group_by needs an aggregate in select, for example select=count(*).")
	}
	return strings.Join(append(missing, items...), ","), nil
}

// fromSQL writes sum(price) as sum_price:price.sum().
func fromSQL(m []string) string {
	alias, function, column, cast := m[1], m[2], strings.TrimSpace(m[3]), m[4]
	if column == "*" || column == "" {
		if function != "count" {
			return m[0] // for the parser to refuse
		}
		if alias != "" {
			alias += ":"
		}
		return alias + "count()" + cast
	}
	if alias == "" && plain.MatchString(column) {
		alias = function + "_" + column
	}
	if alias != "" {
		alias += ":"
	}
	return alias + column + "." + function + "()" + cast
}

// field is an item of a select without alias and cast.
func field(item string) string {
	item = strings.TrimSpace(item)
	if before, after, ok := strings.Cut(item, ":"); ok && !strings.HasPrefix(after, ":") && !strings.ContainsAny(before, "(") {
		item = after
	}
	item, _, _ = strings.Cut(item, "::")
	return item
}

// split cuts at commas that are not within parentheses or quotes.
func split(value string) []string {
	if value == "" {
		return nil
	}
	var out []string
	depth, quoted, start := 0, false, 0
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth <= 0:
			out = append(out, value[start:i])
			start = i + 1
		}
	}
	return append(out, value[start:])
}

func badQuery(message string) error {
	return &failure{status: http.StatusBadRequest, code: "INVALID_QUERY", message: message}
}
