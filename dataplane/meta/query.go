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
	// rowCost and columnCost are what a row and a column take of it besides their texts, as empty ones are kept too.
	rowCost, columnCost = 32, 128
	// maxText bounds each text of an error or a notice: functions say as much as they like.
	maxText = 16 << 10
	// maxResults bounds the statements whose results are sent: a body has room for a million.
	maxResults = 1000
	// maxNotices bounds the notices of one answer.
	maxNotices = 100
	// maxParams is as many as the protocol can count.
	maxParams = 65535
)

// queryRequest asks to run SQL: one statement, or several that succeed or fail together.
type queryRequest struct {
	Query string `json:"query"`
	// Limit is the most rows of each result: 1000 when left out, at most 10000.
	Limit int `json:"limit"`
	// Params are the values of $1, $2 … as Postgres reads them, for one statement.
	Params []*string `json:"params"`
	// Text asks for every value as Postgres writes it.
	Text bool `json:"text"`
	// ReadOnly makes transactions read only unless the SQL says otherwise.
	ReadOnly bool `json:"read_only"`
	as
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
	oid  uint32
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
	err = request.as.connect(r.Context(), session, func(conn *pgx.Conn) error {
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
	if err := readBody(r, &request, `{"query": "…"}`); err != nil {
		return request, err
	}
	if request.Limit < 0 || request.Limit > maxRows {
		return request, fault.New(fault.Invalid, "LIMIT_INVALID", "limit must be from 1 to %d.", maxRows)
	}
	if request.Limit == 0 {
		request.Limit = defaultRows
	}
	if err := checkSQL(request.Query, request.Params); err != nil {
		return request, err
	}
	if _, err := checkStatements(request.Query); err != nil {
		return request, err
	}
	return request, request.as.check()
}

// checkSQL refuses what cannot be sent to Postgres.
func checkSQL(query string, params []*string) error {
	if strings.TrimSpace(query) == "" {
		return fault.New(fault.Invalid, "QUERY_EMPTY", "The query is empty.")
	}
	if strings.ContainsRune(query, 0) {
		return fault.New(fault.Invalid, "QUERY_INVALID", "The query has a zero byte in it.")
	}
	if len(params) > maxParams {
		return fault.New(fault.Invalid, "PARAMS_INVALID", "There are more than %d params.", maxParams)
	}
	for i, p := range params {
		if p != nil && strings.ContainsRune(*p, 0) {
			return fault.New(fault.Invalid, "PARAMS_INVALID", "The value of $%d has a zero byte in it.", i+1)
		}
	}
	return nil
}

// readBody decodes the JSON of a request; form shows what is expected.
func readBody(r *http.Request, into any, form string) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return fault.New(fault.Invalid, "CONTENT_TYPE", `Send %s with Content-Type application/json.`, form)
	}
	body, err := io.ReadAll(r.Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return fault.New(fault.Invalid, reasonTooLarge, "The body is larger than %d bytes: send it in parts, or use psql.", tooLarge.Limit)
	}
	if err != nil {
		return fault.Wrap(err, fault.Canceled, "BODY_CUT_OFF", "The request's body ended early.")
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fault.Wrap(err, fault.Invalid, "BODY_INVALID", "The body must be JSON of the form %s.", form)
	}
	return nil
}

// run sends the text as it is: several statements are one transaction unless they say otherwise.
func run(ctx context.Context, conn *pgx.Conn, request queryRequest) (queryAnswer, error) {
	raw := conn.PgConn()
	setup := "set client_min_messages to notice"
	if request.ReadOnly {
		setup += "; set default_transaction_read_only to on"
	}
	if _, err := raw.Exec(ctx, setup).ReadAll(); err != nil {
		return queryAnswer{}, err
	}
	out := &collector{limit: request.Limit, text: request.Text, budget: maxBytes}
	projectdb.OnNotice(conn, out.notice)
	err := out.run(ctx, raw, request)
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		_, shift := request.sent("")
		return queryAnswer{}, &sqlError{shifted(refused, shift), request.Query, out.notices}
	}
	if err != nil {
		return queryAnswer{}, err
	}
	out.end()
	out.nameTypes(ctx, raw)
	return queryAnswer{Results: out.results}, nil
}

func (c *collector) run(ctx context.Context, raw *pgconn.PgConn, request queryRequest) error {
	text, _ := request.sent(request.Query)
	if request.Params != nil {
		reader := raw.ExecParams(ctx, text, values(request.Params), nil, nil, nil)
		c.add(reader)
		_, err := reader.Close()
		return err
	}
	results := raw.Exec(ctx, text)
	for results.NextResult() {
		c.add(results.ResultReader())
	}
	return results.Close()
}

// values makes text parameters of params.
func values(params []*string) [][]byte {
	out := make([][]byte, len(params))
	for i, p := range params {
		if p != nil {
			out[i] = []byte(*p)
		}
	}
	return out
}
