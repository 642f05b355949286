package meta

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// collector gathers the results of a text's statements within the bounds of one answer.
type collector struct {
	limit, budget int
	text          bool
	results       []result
	notices       []notice // of the statement that runs
	told          int
}

// notice keeps what a statement said.
func (c *collector) notice(n *pgconn.Notice) {
	if c.told < maxNotices {
		c.notices = append(c.notices, notice{n.Severity, cut(n.Message), cut(n.Detail), cut(n.Hint)})
		c.told++
	}
}

// add reads one result to its end.
func (c *collector) add(reader *pgconn.ResultReader) {
	told := len(c.results) < maxResults && (len(c.results) == 0 || c.budget > 0)
	one := c.read(reader)
	one.Notices, c.notices = c.notices, nil
	if one.Notices == nil {
		one.Notices = []notice{}
	}
	if !told { // it ran
		c.results[len(c.results)-1].Truncated = true
		return
	}
	c.results = append(c.results, one)
}

// end gives what was said after the last result to that one.
func (c *collector) end() {
	if c.results == nil {
		c.results = []result{}
	}
	if n := len(c.results); n > 0 {
		c.results[n-1].Notices = append(c.results[n-1].Notices, c.notices...)
	}
}

// read takes one result, up to limit rows and the budget of bytes, and passes over the rest.
func (c *collector) read(reader *pgconn.ResultReader) result {
	fields := slices.Clone(reader.FieldDescriptions())
	out := result{Columns: make([]resultColumn, len(fields)), Rows: []json.RawMessage{}}
	for i, f := range fields {
		out.Columns[i] = resultColumn{Name: f.Name, oid: f.DataTypeOID}
		c.budget -= len(f.Name) + columnCost
		if c.text {
			fields[i].DataTypeOID = 0
		}
	}
	for reader.NextRow() {
		if len(out.Rows) >= c.limit || out.Truncated || size(reader.Values()) >= c.budget {
			out.Truncated = true
			continue
		}
		row := encodeRow(fields, reader.Values())
		c.budget -= len(row) + rowCost
		out.Rows = append(out.Rows, row)
	}
	tag, _ := reader.Close() // its error comes again from the results' end
	out.RowCount = tag.RowsAffected()
	out.Command, _, _ = strings.Cut(tag.String(), " ")
	if text := tag.String(); !strings.ContainsAny(text, "0123456789") {
		out.Command = text // "CREATE TABLE"
	}
	return out
}

// size is how many bytes a row takes in JSON, about.
func size(row [][]byte) int {
	total := 0
	for _, value := range row {
		for _, c := range value {
			switch {
			case c < ' ', c == '<', c == '>', c == '&':
				total += len(`\u0000`)
			case c == '"', c == '\\':
				total += 2
			default:
				total++
			}
		}
	}
	return total
}

// cut bounds what Postgres said.
func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}

// nameTypes asks how the types of the results are called, those of the project included. What the SQL made of the session may keep it
// from that.
func (c *collector) nameTypes(ctx context.Context, raw *pgconn.PgConn) {
	var oids []string
	seen := map[uint32]bool{}
	for _, r := range c.results {
		for _, column := range r.Columns {
			if !seen[column.oid] {
				seen[column.oid] = true
				oids = append(oids, strconv.FormatUint(uint64(column.oid), 10))
			}
		}
	}
	names := map[uint32]string{}
	if len(oids) > 0 {
		found := raw.ExecParams(ctx, "select o, pg_catalog.format_type(o, null) from pg_catalog.unnest($1::pg_catalog.oid[]) o",
			[][]byte{[]byte("{" + strings.Join(oids, ",") + "}")}, nil, nil, nil).Read()
		for _, row := range found.Rows {
			if oid, err := strconv.ParseUint(string(row[0]), 10, 32); err == nil {
				names[uint32(oid)] = string(row[1])
			}
		}
	}
	for _, r := range c.results {
		for i := range r.Columns {
			r.Columns[i].Type = "unknown"
			if name := names[r.Columns[i].oid]; name != "" {
				r.Columns[i].Type = name
			}
		}
	}
}
