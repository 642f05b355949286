package meta

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/pg"
)

// ledger is the SQL of the table of migrations.
//
//go:embed ledger/*.sql
var ledger embed.FS

// migrationsSchema is where Supabase's command line keeps its table.
const migrationsSchema = "supabase_migrations"

// maxName bounds a migration's name, in characters.
const maxName = 200

var versionForm = regexp.MustCompile(`^[0-9]{1,20}$`)

// migrationRequest asks to run SQL, all of it or none, and to record it.
type migrationRequest struct {
	Name string `json:"name"`
	SQL  string `json:"sql"`
	// Version is the time now when left out.
	Version string `json:"version"`
}

func migrationsTable(p *directory.Project) string {
	return pg.Ident(p.Schema(migrationsSchema), "schema_migrations")
}

func (s *Service) migrate(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
	var request migrationRequest
	if err := readBody(r, &request, `{"name": "…", "sql": "…"}`); err != nil {
		return err
	}
	statements, err := request.check()
	if err != nil {
		return err
	}
	var recorded []byte
	err = session.AsOwner(r.Context(), func(conn *pgx.Conn) error {
		m := migration{request, statements, conn.PgConn(), session.Project, session.Caller.Developer}
		recorded, err = m.apply(r.Context())
		return err
	})
	if err != nil {
		return err
	}
	writeBody(w, http.StatusOK, recorded)
	return nil
}

// check refuses what is no migration, and returns its statements. Command lines make files of names.
func (m *migrationRequest) check() ([]statement, error) {
	m.Name = strings.TrimSpace(m.Name)
	strange := func(r rune) bool { return r == '/' || r == '\\' || unicode.IsControl(r) || r == utf8.RuneError }
	if n := utf8.RuneCountInString(m.Name); n == 0 || n > maxName || strings.ContainsFunc(m.Name, strange) || m.Name[0] == '.' {
		return nil, fault.New(fault.Invalid, "MIGRATION_NAME_INVALID",
			"name must have 1 to %d characters, without slashes and line breaks, and not begin with a dot.", maxName)
	}
	if m.Version != "" && !versionForm.MatchString(m.Version) {
		return nil, fault.New(fault.Invalid, "MIGRATION_VERSION_INVALID", "version must be of digits, such as 20261123101500. Leave it out for the time now.")
	}
	if err := checkSQL(m.SQL, nil); err != nil {
		return nil, err
	}
	statements, err := checkStatements(m.SQL)
	if err != nil {
		return nil, err
	}
	if len(statements) == 0 {
		return nil, fault.New(fault.Invalid, "QUERY_EMPTY", "The SQL has no statement in it.")
	}
	for _, one := range statements {
		if one.endsTransaction() {
			return nil, fault.New(fault.Invalid, "MIGRATION_TRANSACTION", "A migration is one transaction already: leave %s out.", strings.ToUpper(one.words[0]))
		}
	}
	return statements, nil
}

// checkStatements refuses a text whose statements need more than the text.
func checkStatements(text string) ([]statement, error) {
	statements := splitSQL(text)
	if len(statements) > maxStatements {
		return nil, fault.New(fault.Invalid, "QUERY_TOO_LONG", "There are more than %d statements: send them in parts, or use psql.", maxStatements)
	}
	for _, one := range statements {
		if one.fromStdin {
			return nil, fault.New(fault.Invalid, "COPY_UNSUPPORTED", "COPY … FROM STDIN cannot be run here, as its rows are no SQL: use /import, or psql.")
		}
	}
	return statements, nil
}

// migration is a request that runs.
type migration struct {
	migrationRequest
	statements []statement
	conn       *pgconn.PgConn
	project    *directory.Project
	by         string
}

// sql is a statement of the ledger with its table's name.
func (m *migration) sql(name string) string {
	text, err := ledger.ReadFile("ledger/" + name + ".sql")
	if err != nil { // it is embedded
		panic(err)
	}
	return strings.ReplaceAll(string(text), "{table}", migrationsTable(m.project))
}

// apply runs the SQL and returns the record, as JSON.
func (m *migration) apply(ctx context.Context) ([]byte, error) {
	if err := m.makeLedger(ctx); err != nil {
		return nil, err
	}
	version, err := m.begin(ctx)
	if err != nil {
		return nil, err
	}
	err = m.exec(ctx, m.SQL)
	if pg.Code(err) == pgerrcode.ActiveSQLTransaction {
		if len(m.statements) > 1 {
			return nil, m.refused(err, "Put this statement in a migration of its own: it runs outside of a transaction then.")
		}
		if err := m.exec(ctx, "rollback"); err != nil {
			return nil, err
		}
		if err := m.exec(ctx, m.SQL); err != nil {
			return nil, m.refused(err, "")
		}
		if version, err = m.begin(ctx); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, m.refused(err, "")
	}
	if m.conn.TxStatus() != 'T' {
		return nil, fault.New(fault.Invalid, "MIGRATION_TRANSACTION", "The SQL ended the migration's transaction. What came before that is done, and nothing is recorded.")
	}
	return m.record(ctx, version)
}

// exec runs SQL and keeps none of what it answers.
func (m *migration) exec(ctx context.Context, sql string) error {
	return m.conn.Exec(ctx, sql).Close()
}

// refused makes an answer of what Postgres refused of the developer's SQL.
func (m *migration) refused(err error, hint string) error {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return err
	}
	refused = unlocked(refused, "Nothing was done. Try again when the other one is done, or let the migration wait longer, by \"set local lock_timeout = '1min'\" at its beginning: "+
		"what comes after it waits as well. "+lockHolders)
	if hint != "" {
		told := *refused
		told.Hint = hint
		refused = &told
	}
	return &sqlError{refused, m.SQL, nil}
}

// makeLedger makes the table, or the columns that it has not, when there is need.
func (m *migration) makeLedger(ctx context.Context) error {
	result := m.conn.ExecParams(ctx, m.sql("whole"), [][]byte{[]byte(migrationsTable(m.project))}, nil, nil, nil).Read()
	if result.Err != nil {
		return result.Err
	}
	if string(result.Rows[0][0]) == "t" {
		return nil
	}
	made := "set client_min_messages to warning; set lock_timeout to '5s';\n"
	if !m.project.Shared { // there the schema comes with the project
		made += "create schema if not exists " + migrationsSchema + ";\n"
	}
	made += m.sql("make") + "; reset client_min_messages; reset lock_timeout"
	err := m.exec(ctx, made)
	switch pg.Code(err) {
	case pgerrcode.UniqueViolation, pgerrcode.DuplicateTable, pgerrcode.DuplicateSchema: // another one makes it at once
		err = m.exec(ctx, made)
	}
	if pg.Code(err) == pgerrcode.InvalidSchemaName {
		return fault.Wrap(err, fault.Unavailable, "MIGRATIONS_UNAVAILABLE", "The project is not ready for migrations yet: it is being brought up to date. Try again in a few minutes.")
	}
	return m.busy(err)
}

// begin opens the transaction and finds the version.
func (m *migration) begin(ctx context.Context) (string, error) {
	if err := m.busy(m.exec(ctx, m.sql("begin"))); err != nil {
		return "", err
	}
	result := m.conn.ExecParams(ctx, m.sql("version"), [][]byte{[]byte(m.Version)}, nil, nil, nil).Read()
	if result.Err != nil {
		return "", result.Err
	}
	if len(result.Rows) != 1 {
		return "", fault.New(fault.Exists, "MIGRATION_EXISTS", "Every second of the next hour is the version of a migration already. Give a version of your own.")
	}
	version, taken := string(result.Rows[0][0]), string(result.Rows[0][1]) == "t"
	if taken {
		return "", fault.New(fault.Exists, "MIGRATION_EXISTS", "Migration %s has been applied already. Give what changed since a version of its own.", version)
	}
	return version, nil
}

func (m *migration) busy(err error) error {
	if pg.Code(err) == pgerrcode.LockNotAvailable {
		return fault.Wrap(err, fault.FailedPrecondition, "MIGRATION_RUNNING", "Another migration is running. Try again when it is done.")
	}
	return err
}

// record writes the migration down as the owner, whatever the SQL made of the session, and commits.
func (m *migration) record(ctx context.Context, version string) ([]byte, error) {
	if err := m.exec(ctx, "reset role; set local search_path to pg_catalog; set local client_encoding to 'UTF8'; set constraints all immediate"); err != nil {
		return nil, m.refused(err, "")
	}
	texts := make([]string, len(m.statements))
	for i, one := range m.statements {
		texts[i] = one.text
	}
	list, err := textArray(texts)
	if err != nil {
		return nil, err
	}
	result := m.conn.ExecParams(ctx, m.sql("record"), [][]byte{[]byte(version), []byte(m.Name), list, []byte(m.by)}, nil, nil, nil).Read()
	if result.Err != nil {
		return nil, m.refused(result.Err, "")
	}
	if err := m.exec(ctx, "commit"); err != nil {
		return nil, m.refused(err, "")
	}
	if len(result.Rows) != 1 || !json.Valid(result.Rows[0][0]) {
		return nil, errors.New("meta: the table of migrations gave no row back")
	}
	return result.Rows[0][0], nil
}
