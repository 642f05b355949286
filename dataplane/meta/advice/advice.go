// Package advice finds what is unsafe or slow in a project's database, by rules that are a file of SQL each. docs/advisors.md tells of them.
package advice

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/wayli-app/fluxbase/internal/pg"
)

// rules are queries of one thing that is wrong. Each begins with what is told of every finding, and gives of each: level, null for the rule's
// own; schema; object; kind and table; detail; fix, SQL that mends it or null; and extra, which tells findings about one object apart.
//
//go:embed rules/*.sql
var rules embed.FS

// base is what rules look at.
//
//go:embed base.sql
var base string

// findings is the list of what rules found.
//
//go:embed findings.sql
var findings string

// Rule is one thing that may be wrong.
type Rule struct {
	Name string
	// Category is security or performance.
	Category string
	// Level is error, warning or info, unless a finding has its own.
	Level              string
	Title, Explanation string
	sql                string
}

// Rules are all of them, by name.
func Rules() ([]Rule, error) {
	files, err := fs.Glob(rules, "rules/*.sql")
	if err != nil {
		return nil, err
	}
	out := make([]Rule, len(files))
	for i, file := range files {
		text, err := rules.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if out[i], err = read(strings.TrimSuffix(strings.TrimPrefix(file, "rules/"), ".sql"), string(text)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// read takes a rule's head, which is of comments, from its query.
func read(name, text string) (Rule, error) {
	r := Rule{Name: name}
	for _, field := range []struct {
		name string
		into *string
	}{{"category", &r.Category}, {"level", &r.Level}, {"title", &r.Title}, {"explanation", &r.Explanation}} {
		line, rest, _ := strings.Cut(text, "\n")
		value, ok := strings.CutPrefix(line, "-- "+field.name+": ")
		if !ok {
			return r, fmt.Errorf("advice: rule %s lacks its %s", name, field.name)
		}
		*field.into, text = value, rest
	}
	r.sql = strings.TrimSpace(text)
	return r, nil
}

// SQL is the list of all findings of a project. Own is the query of the project's schemas; the arguments are those of lists of the catalog. It must run
// with an empty search_path, so that expressions name everything in full.
func SQL(own string) (string, error) {
	list, err := Rules()
	if err != nil {
		return "", err
	}
	about, found := make([]string, len(list)), make([]string, len(list))
	for i, r := range list {
		about[i] = "(" + pg.Literal(r.Name) + ", " + pg.Literal(r.Category) + ", " + pg.Literal(r.Level) + ", " + pg.Literal(r.Title) + ", " + pg.Literal(r.Explanation) + ")"
		found[i] = "select " + pg.Literal(r.Name) + "::text as rule, f.level, f.schema::text, f.object::text, f.kind, f.\"table\"::text, f.detail, f.fix, f.extra from (\n" + r.sql + "\n) f"
	}
	return "with own as materialized (\n" + own + "\n), " + base + ", rule (name, category, level, title, explanation) as (values\n" + strings.Join(about, ",\n") +
		"\n), found as (\n" + strings.Join(found, "\nunion all\n") + "\n)\n" + findings, nil
}
