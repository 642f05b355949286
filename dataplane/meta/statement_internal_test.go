package meta

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSplitSQL(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text string
		want []string
	}{
		"nothing":                    {"", nil},
		"only comments":              {" -- a; b\n /* c; /* d */ ; */ ;;", nil},
		"without a last semicolon":   {"select 1;\nselect 2", []string{"select 1", "select 2"}},
		"a comment before":           {"-- first; thing\nselect 1; -- after\n", []string{"-- first; thing\nselect 1"}},
		"strings":                    {`select ';''; ' ; select E'\'; ' ; select U&'\'; select n'a;b'`, []string{`select ';''; '`, `select E'\'; '`, `select U&'\'`, `select n'a;b'`}},
		"an escape after a doubling": {`select e'a''\';'; select 2`, []string{`select e'a''\';'`, "select 2"}},
		"no escape without e":        {`select 'a\'; select 2`, []string{`select 'a\'`, "select 2"}},
		"e apart from its string":    {`select e '\'; select 2`, []string{`select e '\'`, "select 2"}},
		"a name that ends in e":      {`select date'\'; select 2`, []string{`select date'\'`, "select 2"}},
		"quoted names":               {`select "a;""b"; select 2`, []string{`select "a;""b"`, "select 2"}},
		"dollar quotes":              {"do $$ begin; end; $$; do $a$ x; $$ y; $a$; select 1", []string{"do $$ begin; end; $$", "do $a$ x; $$ y; $a$", "select 1"}},
		"dollars in names":           {"select a$b$; select 1 as c$b$", []string{"select a$b$", "select 1 as c$b$"}},
		"parameters":                 {"select $1; select $2$3", []string{"select $1", "select $2$3"}},
		"a dollar quote of letters":  {"select $ä$;$ä$; select 2", []string{"select $ä$;$ä$", "select 2"}},
		"parentheses":                {"create rule r as on insert to t do (select 1; select 2); select 3", []string{"create rule r as on insert to t do (select 1; select 2)", "select 3"}},
		"too many closed":            {"select 1); select 2", []string{"select 1)", "select 2"}},
		"a body without quotes": {"create or replace function f() returns int begin atomic select case when true then 1 else 2 end; select 3; end; select 4",
			[]string{"create or replace function f() returns int begin atomic select case when true then 1 else 2 end; select 3; end", "select 4"}},
		"begin that is no body":   {"begin; select 1; end; select 2", []string{"begin", "select 1", "end", "select 2"}},
		"an open string":          {"select 1; select 'a; b", []string{"select 1", "select 'a; b"}},
		"an open comment":         {"select 1; /* a; b", []string{"select 1"}},
		"an open dollar quote":    {"select 1; do $x$ a; b", []string{"select 1", "do $x$ a; b"}},
		"an open escape":          {`select e'\`, []string{`select e'\`}},
		"operators like comments": {"select 1 -- ;\n- 2; select 3/ 4", []string{"select 1 -- ;\n- 2", "select 3/ 4"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, s := range splitSQL(c.text) {
				got = append(got, s.text)
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestKindsOfStatements(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"begin", "/* x */ BEGIN isolation level serializable", "commit", "end", "Rollback", "abort", "start transaction", "rollback prepared 'x'", "prepare transaction 'x'"} {
		require.True(t, splitSQL(text)[0].endsTransaction(), text)
	}
	for _, text := range []string{"rollback to savepoint a", "rollback work to a", "savepoint a", "prepare x as select 1", "select 'commit'", `"commit"`} {
		require.False(t, splitSQL(text)[0].endsTransaction(), text)
	}
	for text, want := range map[string]bool{
		"copy t from stdin": true, "COPY t (a, b) FROM STDIN with (format csv)": true, "copy (select a from stdin) to stdout": false,
		"copy t to stdout": false, "select 1 from stdin": false, "copy t from 'stdin'": false, "copy t from /* x */ stdin": true,
	} {
		require.Equal(t, want, splitSQL(text)[0].fromStdin, text)
	}
}

func FuzzSplitSQL(f *testing.F) {
	f.Add("select 1; do $$ ; $$; -- x\n select e'\\'';' (;")
	f.Fuzz(func(t *testing.T, text string) {
		at := 0
		for _, s := range splitSQL(text) {
			require.NotEmpty(t, s.text)
			i := strings.Index(text[at:], s.text)
			require.GreaterOrEqual(t, i, 0, "statements are parts of the text, in its order")
			at += i + len(s.text)
		}
	})
}
