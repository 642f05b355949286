package meta

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

const (
	defaultRows = 1000
	maxRows     = 10000
	// maxBytes bounds the values of one answer; rows after it are left out and the result is marked as truncated.
	maxBytes = 16 << 20
	// maxResults bounds the statements whose results are sent: a body has room for a million.
	maxResults = 1000
	// maxNotices bounds the notices of one answer.
	maxNotices = 100
)

// queryRequest asks to run SQL: one statement, or several that succeed or fail together.
type queryRequest struct {
	Query string `json:"query"`
	// Limit is the most rows of each result: 1000 when left out, at most 10000.
	Limit int `json:"limit"`
}

// queryAnswer has a result for each statement.
type queryAnswer struct {
	Results []result `json:"results"`
}

type result struct {
	Columns []resultColumn    `json:"columns"`
	Rows    []json.RawMessage `json:"rows"`
	// RowCount is what the command tag says: rows returned or changed.
	RowCount int64  `json:"row_count"`
	Command  string `json:"command"`
	// Truncated says that there were more rows than were sent.
	Truncated bool     `json:"truncated"`
	Notices   []notice `json:"notices"`
}

type resultColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type notice struct {
	Severity string `json:"severity"`
	Message  string `json:"message"`
	Details  string `json:"details,omitempty"`
	Hint     string `json:"hint,omitempty"`
}

func (s *Service) query(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	request, err := readQuery(r)
	if err != nil {
		return err
	}
	var answer queryAnswer
	err = session.AsOwner(r.Context(), func(conn *pgx.Conn) error {
		answer, err = run(r.Context(), conn, request)
		return err
	})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, answer)
}

func readQuery(r *http.Request) (queryRequest, error) {
	var request queryRequest
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return request, fault.New(fault.Invalid, "CONTENT_TYPE", `Send {"query": "…"} with Content-Type application/json.`)
	}
	body, err := io.ReadAll(r.Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return request, fault.New(fault.Invalid, reasonTooLarge, "The SQL is larger than %d bytes: run it in parts, or by psql.", tooLarge.Limit)
	}
	if err != nil {
		return request, fault.Wrap(err, fault.Canceled, "BODY_CUT_OFF", "The request's body ended early.")
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return request, fault.Wrap(err, fault.Invalid, "BODY_INVALID", `The body must be JSON of the form {"query": "…"}.`)
	}
	switch {
	case strings.TrimSpace(request.Query) == "":
		return request, fault.New(fault.Invalid, "QUERY_EMPTY", "The query is empty.")
	case strings.ContainsRune(request.Query, 0):
		return request, fault.New(fault.Invalid, "QUERY_INVALID", "The query has a zero byte in it.")
	case request.Limit < 0 || request.Limit > maxRows:
		return request, fault.New(fault.Invalid, "LIMIT_INVALID", "limit must be from 1 to %d.", maxRows)
	case request.Limit == 0:
		request.Limit = defaultRows
	}
	return request, nil
}

// run sends the text as it is: several statements are one transaction unless they say otherwise.
func run(ctx context.Context, conn *pgx.Conn, request queryRequest) (queryAnswer, error) {
	raw := conn.PgConn()
	types, err := typeNames(ctx, conn)
	if err != nil {
		return queryAnswer{}, err
	}
	if _, err := raw.Exec(ctx, "set client_min_messages to notice").ReadAll(); err != nil {
		return queryAnswer{}, err
	}
	var notices []notice
	projectdb.OnNotice(conn, func(n *pgconn.Notice) {
		if len(notices) < maxNotices {
			notices = append(notices, notice{n.Severity, n.Message, n.Detail, n.Hint})
		}
	})
	answer := queryAnswer{Results: []result{}}
	budget := maxBytes
	results := raw.Exec(ctx, request.Query)
	for results.NextResult() {
		one := read(results.ResultReader(), types, request.Limit, &budget)
		one.Notices, notices = notices, nil
		if one.Notices == nil {
			one.Notices = []notice{}
		}
		if len(answer.Results) == maxResults { // it ran, but is not told
			answer.Results[maxResults-1].Truncated = true
			continue
		}
		answer.Results = append(answer.Results, one)
	}
	err = results.Close()
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return answer, &sqlError{refused, request.Query, notices}
	}
	if err == nil && len(notices) > 0 && len(answer.Results) > 0 {
		last := &answer.Results[len(answer.Results)-1]
		last.Notices = append(last.Notices, notices...)
	}
	return answer, err
}

// read takes one result, up to limit rows and the budget of bytes, and passes over the rest.
func read(reader *pgconn.ResultReader, types map[uint32]string, limit int, budget *int) result {
	fields := reader.FieldDescriptions()
	out := result{Columns: make([]resultColumn, len(fields)), Rows: []json.RawMessage{}}
	for i, f := range fields {
		name, ok := types[f.DataTypeOID]
		if !ok {
			name = "unknown"
		}
		out.Columns[i] = resultColumn{Name: f.Name, Type: name}
	}
	for reader.NextRow() {
		if len(out.Rows) >= limit || *budget <= 0 {
			out.Truncated = true
			continue
		}
		row := encodeRow(fields, reader.Values())
		*budget -= len(row)
		out.Rows = append(out.Rows, row)
	}
	tag, _ := reader.Close() // its error comes again from the results' Close
	out.RowCount = tag.RowsAffected()
	out.Command, _, _ = strings.Cut(tag.String(), " ")
	if text := tag.String(); !strings.ContainsAny(text, "0123456789") {
		out.Command = text // "CREATE TABLE"
	}
	return out
}

// typeNames reads how types are called, those of the project included.
func typeNames(ctx context.Context, conn *pgx.Conn) (map[uint32]string, error) {
	rows, err := conn.Query(ctx, `select oid, pg_catalog.format_type(oid, null) from pg_catalog.pg_type
		where typtype in ('b', 'e', 'd', 'r', 'm') or (typtype = 'p' and typname in ('void', 'record'))`)
	if err != nil {
		return nil, err
	}
	types := map[uint32]string{}
	var oid uint32
	var name string
	_, err = pgx.ForEachRow(rows, []any{&oid, &name}, func() error {
		types[oid] = name
		return nil
	})
	return types, err
}
