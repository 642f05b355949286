package meta

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// exportRequest asks for the rows of one statement, all of them.
type exportRequest struct {
	Query  string    `json:"query"`
	Params []*string `json:"params"`
	// Format is csv, json or ndjson.
	Format string `json:"format"`
	as
}

// exportKinds are the content types of the formats.
var exportKinds = map[string]string{
	"csv": "text/csv; charset=utf-8; header=present", "json": "application/json; charset=utf-8", "ndjson": "application/x-ndjson; charset=utf-8",
}

// exportSetup lets an export take longer than other statements: as long as it is read, up to a bound.
const exportSetup = "set default_transaction_read_only to on; set statement_timeout to '1h'"

// exportBuffer is how much is gathered before it is sent.
const exportBuffer = 64 << 10

func (s *Service) export(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	var request exportRequest
	if err := readBody(r, &request, `{"query": "…", "format": "csv"}`); err != nil {
		return err
	}
	sql, err := request.check()
	if err != nil {
		return err
	}
	return request.connect(r.Context(), session, func(conn *pgx.Conn) error {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel() // what is not read is not waited for
		raw := conn.PgConn()
		if _, err := raw.Exec(ctx, exportSetup).ReadAll(); err != nil {
			return err
		}
		return sql.send(w, raw.ExecParams(ctx, sql.text, values(request.Params), nil, nil, nil))
	})
}

// exportSQL is a statement as it is run.
type exportSQL struct {
	*exportRequest
	text string
	// whole tells that each row is one value, the JSON of it.
	whole bool
	// shift is how many characters come before the developer's own.
	shift int
}

// check refuses what cannot be exported.
func (e *exportRequest) check() (exportSQL, error) {
	sql := exportSQL{exportRequest: e, text: e.Query}
	if exportKinds[e.Format] == "" {
		return sql, fault.New(fault.Invalid, "FORMAT_INVALID", "format must be csv, json or ndjson.")
	}
	if err := checkSQL(e.Query, e.Params); err != nil {
		return sql, err
	}
	if err := e.as.check(); err != nil {
		return sql, err
	}
	statements, err := checkStatements(e.Query)
	if err != nil {
		return sql, err
	}
	if len(statements) != 1 {
		return sql, fault.New(fault.Invalid, "EXPORT_ONE_STATEMENT", "An export is of one statement; there are %d.", len(statements))
	}
	if e.Format == "csv" || !statements[0].selects() {
		sql.text, sql.shift = e.sent(e.Query)
		return sql, nil
	}
	// Postgres makes better JSON of its values than could be made of their texts.
	const head = "select pg_catalog.row_to_json(r)::pg_catalog.text from (\n"
	before, _, _ := strings.Cut(e.Query, statements[0].text)
	sql.text, sql.whole, sql.shift = head+statements[0].text+"\n) r", true, len(head)-utf8.RuneCountInString(before)
	return sql, nil
}

// selects reports whether the statement may stand in the place of a table.
func (s statement) selects() bool {
	return slices.ContainsFunc([]string{"select", "with", "values", "table"}, func(word string) bool { return s.starts(word) })
}

// send streams the rows. Nothing is sent before the first row is there, so that a statement that fails at once is an error.
func (e exportSQL) send(w http.ResponseWriter, reader *pgconn.ResultReader) error {
	fields := slices.Clone(reader.FieldDescriptions())
	more := reader.NextRow()
	if !more {
		if _, err := reader.Close(); err != nil {
			return e.refused(err)
		}
		if len(fields) == 0 {
			return fault.New(fault.Invalid, "EXPORT_NO_ROWS", "The statement gives no rows that could be exported.")
		}
	}
	w.Header().Set("Content-Type", exportKinds[e.Format])
	w.Header().Set("Content-Disposition", `attachment; filename="export.`+e.Format+`"`)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	out := bufio.NewWriterSize(w, exportBuffer)
	write := e.writer(out, fields)
	for ; more; more = reader.NextRow() {
		if err := write(reader.Values()); err != nil {
			panic(http.ErrAbortHandler) // the client left
		}
	}
	if _, err := reader.Close(); err != nil {
		panic(http.ErrAbortHandler) // half an answer must not look whole
	}
	if err := errors.Join(write(nil), out.Flush()); err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// refused makes an answer of what Postgres refused, with the position in the text that was sent.
func (e exportSQL) refused(err error) error {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return err
	}
	return &sqlError{shifted(refused, e.shift), e.Query, nil}
}

// writer returns what writes a row in the format, and with nil what comes after the last.
func (e exportSQL) writer(out *bufio.Writer, fields []pgconn.FieldDescription) func([][]byte) error {
	if e.Format == "csv" {
		names := make([][]byte, len(fields))
		for i, f := range fields {
			names[i] = []byte(f.Name)
		}
		_ = writeCSV(out, names) // its error comes again
		return func(row [][]byte) error {
			if row == nil {
				return nil
			}
			return writeCSV(out, row)
		}
	}
	encode := func(row [][]byte) []byte { return row[0] }
	if !e.whole {
		encode = objects(fields)
	}
	if e.Format == "ndjson" {
		return func(row [][]byte) error {
			if row == nil {
				return nil
			}
			return writeLine(out, encode(row))
		}
	}
	between := "[\n"
	return func(row [][]byte) error {
		if row == nil {
			end := "\n]\n"
			if between == "[\n" { // there was none
				end = "[]\n"
			}
			_, err := io.WriteString(out, end)
			return err
		}
		_, _ = io.WriteString(out, between) // its error comes again
		between = ",\n"
		_, err := out.Write(encode(row))
		return err
	}
}

// writeLine writes JSON in one line: values of type json keep the line breaks that they were written with.
func writeLine(out *bufio.Writer, encoded []byte) error {
	if bytes.IndexByte(encoded, '\n') >= 0 || bytes.IndexByte(encoded, '\r') >= 0 {
		var line bytes.Buffer
		if err := json.Compact(&line, encoded); err != nil {
			return err
		}
		encoded = line.Bytes()
	}
	_, _ = out.Write(encoded) // its error comes again
	return out.WriteByte('\n')
}

// objects makes an object of a row whose JSON Postgres does not make. Columns of one name get numbers.
func objects(fields []pgconn.FieldDescription) func([][]byte) []byte {
	names := make([][]byte, len(fields))
	seen := map[string]int{}
	for i, f := range fields {
		name := f.Name
		if seen[f.Name]++; seen[f.Name] > 1 {
			name += "_" + strconv.Itoa(seen[f.Name])
		}
		names[i], _ = json.Marshal(name) // strings always encode
	}
	return func(row [][]byte) []byte {
		out := []byte{'{'}
		for i, v := range row {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(append(out, names[i]...), ':')
			oid := fields[i].DataTypeOID
			if oid == pgtype.JSONOID || oid == pgtype.JSONBOID || oid == pgtype.Int8OID {
				out = appendRaw(out, v)
				continue
			}
			out = appendValue(out, oid, v)
		}
		return append(out, '}')
	}
}

// appendRaw appends text that is JSON already.
func appendRaw(out, text []byte) []byte {
	if text == nil {
		return append(out, "null"...)
	}
	return append(out, text...)
}

// writeCSV writes a record as COPY does: null is nothing, an empty string is between quotes.
func writeCSV(out *bufio.Writer, row [][]byte) error {
	for i, v := range row {
		if i > 0 {
			_ = out.WriteByte(',') // errors come again with the line's end
		}
		if v == nil {
			continue
		}
		plain := len(v) > 0 && !bytes.ContainsAny(v, ",\"\r\n") && v[0] != ' ' && v[len(v)-1] != ' ' && !(len(row) == 1 && string(v) == `\.`)
		if plain {
			_, _ = out.Write(v)
			continue
		}
		_ = out.WriteByte('"')
		for {
			quote := bytes.IndexByte(v, '"')
			if quote < 0 {
				break
			}
			_, _ = out.Write(v[:quote+1])
			_ = out.WriteByte('"')
			v = v[quote+1:]
		}
		_, _ = out.Write(v)
		_ = out.WriteByte('"')
	}
	return out.WriteByte('\n')
}
