package layout

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"text/template"

	"github.com/wayli-app/fluxbase/internal/pg"
	"github.com/wayli-app/fluxbase/migrations"
)

// scope is where a migration runs.
type scope int

const (
	perDatabase scope = iota
	perDatabaseSuperuser
	perProject
)

// migration is one numbered file of migrations/project.
type migration struct {
	version int
	name    string
	scope   scope
	text    *template.Template
}

var migrationName = regexp.MustCompile(`^(\d{4})_[a-z0-9_]+\.(database|database\.superuser|project)\.sql$`)

// all holds the migrations in order; fingerprint changes with any of them and with how a template database is made.
var all, fingerprint = mustLoad(migrations.Project)

// Version is the number of the newest project migration.
func Version() int { return all[len(all)-1].version }

func mustLoad(files fs.FS) ([]migration, string) {
	list, sum, err := load(files)
	if err != nil {
		panic(err) // the files are built in: a defect that any test shows
	}
	return list, sum
}

func load(files fs.FS) ([]migration, string, error) {
	names, err := fs.Glob(files, "project/*.sql")
	if err != nil {
		return nil, "", err
	}
	hash := sha256.New()
	hash.Write([]byte(strings.Join(plainRoles, " ")))
	var out []migration
	for _, path := range names {
		base := strings.TrimPrefix(path, "project/")
		match := migrationName.FindStringSubmatch(base)
		if match == nil {
			return nil, "", fmt.Errorf("migration %s: the name is not of the form NNNN_what.(database|database.superuser|project).sql", base)
		}
		body, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, "", err
		}
		_, _ = fmt.Fprintf(hash, "%s %d\n%s", base, len(body), body)
		m := migration{name: base, scope: map[string]scope{
			"database": perDatabase, "database.superuser": perDatabaseSuperuser, "project": perProject}[match[2]]}
		m.version, _ = strconv.Atoi(match[1])
		if n := len(out); n > 0 && out[n-1].version >= m.version {
			return nil, "", fmt.Errorf("migration %s has the number of %s", base, out[n-1].name)
		}
		m.text, err = template.New(base).Option("missingkey=error").
			Funcs(template.FuncMap{"schema": func(string) string { return "" }}).Parse(string(body))
		if err != nil {
			return nil, "", fmt.Errorf("migration %s: %w", base, err)
		}
		out = append(out, m)
	}
	if len(out) == 0 {
		return nil, "", fmt.Errorf("there are no project migrations")
	}
	return out, hex.EncodeToString(hash.Sum(nil))[:12], nil
}

// render makes the SQL of a migration.
func (m migration) render(v variables) (string, error) {
	text, err := m.text.Clone()
	if err != nil {
		return "", err
	}
	text.Funcs(template.FuncMap{"schema": func(logical string) string { return pg.Ident(v.schemaPrefix + logical) }})
	var out strings.Builder
	if err := text.Execute(&out, v); err != nil {
		return "", fmt.Errorf("migration %s: %w", m.name, err)
	}
	return out.String(), nil
}
