package api

import (
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

func TestErrorsOfPostgres(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		state, role string
		status      int
		code        string
	}{
		{"23505", "anon", 409, "ALREADY_EXISTS"}, {"23503", "anon", 409, "FOREIGN_KEY_VIOLATION"}, {"23514", "anon", 400, "CHECK_VIOLATION"}, {"23999", "anon", 409, "CONSTRAINT_VIOLATION"},
		{"22P02", "anon", 400, "INVALID_VALUE"}, {"22012", "anon", 400, "INVALID_VALUE"}, {"40001", "anon", 409, "SERIALIZATION_FAILURE"}, {"40P01", "anon", 409, "SERIALIZATION_FAILURE"},
		{"25006", "anon", 405, "READ_ONLY"}, {"42703", "anon", 400, "UNKNOWN_COLUMN"}, {"57014", "anon", 504, "TIMEOUT"}, {"57P01", "anon", 503, "DATABASE_UNAVAILABLE"},
		{"53300", "anon", 503, "DATABASE_UNAVAILABLE"}, {"XX000", "anon", 500, "DATABASE_ERROR"}, {"42501", "anon", 401, "PERMISSION_DENIED"}, {"42501", "authenticated", 403, "PERMISSION_DENIED"},
		{"P0001", "anon", 400, "RAISED"}, {"PT404", "anon", 404, "RAISED"}, {"PT999", "anon", 500, "RAISED"}, {"PT204", "anon", 500, "RAISED"}, {"PTabc", "anon", 500, "RAISED"},
		{"42601", "anon", 400, "DATABASE_ERROR"}, {"", "anon", 400, "DATABASE_ERROR"}, {"X", "anon", 400, "DATABASE_ERROR"},
	} {
		f := fromPostgres(&pgconn.PgError{Code: c.state, Message: "m"}, c.role)
		require.Equal(t, c.status, f.status, c.state)
		require.Equal(t, c.code, f.code, c.state)
	}
	f := fromPostgres(&pgconn.PgError{Code: "53100", Message: "could not extend file /var/lib/secret", Detail: "d"}, "anon")
	require.NotContains(t, f.message, "/var")
	require.Nil(t, f.details)
	require.Contains(t, fromPostgres(&pgconn.PgError{Code: "42501", Message: "permission denied for table notes"}, "anon").hint, "grant select, insert, update or delete on notes to anon")
	require.Contains(t, fromPostgres(&pgconn.PgError{Code: "42501", Message: "permission denied for materialized view v"}, "anon").hint, "grant select on v to anon")
	require.Contains(t, fromPostgres(&pgconn.PgError{Code: "42501", Message: "must be owner of table x"}, "anon").hint, "what it needs")
}

func TestRaisedInJSON(t *testing.T) {
	t.Parallel()
	for _, e := range []pgconn.PgError{
		{}, {Message: "x"}, {Message: `{"code":"a","message":"m"}`}, {Message: `{"code":"a","message":"m"}`, Detail: `{"status":200}`}, {Message: `{"code":"a","message":"m"}`, Detail: `{"status":"x"}`},
	} {
		e.Code = "PGRST"
		require.Equal(t, "BAD_DATABASE_ERROR", fromPostgres(&e, "anon").code)
	}
	f := fromPostgres(&pgconn.PgError{Code: "PGRST", Message: `{"code":"a","message":"m","details":"d"}`,
		Detail: `{"status":409,"headers":{"X-A":"b","Content-Length":"5","Bad Name":"x","X-Split":"a\r\nb: c"}}`}, "anon")
	require.Equal(t, 409, f.status)
	require.Equal(t, http.Header{"X-A": {"b"}}, f.header)
}

func TestErrorsOfTheEngine(t *testing.T) {
	t.Parallel()
	f := fromQuery(&query.Error{Status: 404, Code: "PGRST205", Message: "Could not find the table 'public.x' in the schema cache", Hint: "Perhaps"}, "anon")
	require.Equal(t, "UNKNOWN_TABLE", f.code)
	require.Equal(t, "Could not find the table 'public.x'", f.message)
	require.Nil(t, f.details)
	require.Equal(t, "INVALID_REQUEST", fromQuery(&query.Error{Status: 400, Code: "PGRST999"}, "anon").code)
	require.Equal(t, "QUERY_COST_EXCEEDED", fromQuery(&query.Error{Status: 400, Code: "QUERY_COST_EXCEEDED"}, "anon").code)
	require.Equal(t, "PERMISSION_DENIED", fromQuery(&query.Error{Status: 401, Code: "42501", Message: "x"}, "anon").code)
	list := []map[string]any{{"a": 1}}
	require.Equal(t, list, fromQuery(&query.Error{Status: 300, Code: "PGRST201", Details: list}, "anon").details)
}
