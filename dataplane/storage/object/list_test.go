package object_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
)

func names(p *object.Page) string {
	var out []string
	for _, e := range p.Entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

func TestList(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("a", false)
		b.Bucket("b", false)
		for i, name := range []string{"b", "a/1", "a/2", "a/x/1", "a/x/2", "a/y", "a0", "B", "ä", "a", "c/d/e", "c/d-1"} {
			b.Owner("insert into {storage}.objects (bucket_id, name, created_at, metadata) values ('a', $1, timestamptz '2026-01-01' + $2::int * interval '1 day', '{\"size\": 3}')", name, i)
		}
		b.Owner("insert into {storage}.objects (bucket_id, name) values ('b', 'other')")
		all := object.ListQuery{Bucket: "a", Limit: 100}
		with := func(change func(q *object.ListQuery)) object.ListQuery {
			q := all
			change(&q)
			return q
		}
		for name, c := range map[string]struct {
			query object.ListQuery
			want  string
		}{
			"everything":              {all, "B a a/1 a/2 a/x/1 a/x/2 a/y a0 b c/d-1 c/d/e ä"},
			"backwards":               {with(func(q *object.ListQuery) { q.Descending = true }), "ä c/d/e c/d-1 b a0 a/y a/x/2 a/x/1 a/2 a/1 a B"},
			"folders":                 {with(func(q *object.ListQuery) { q.Delimiter = "/" }), "B a a/ a0 b c/ ä"},
			"folders backwards":       {with(func(q *object.ListQuery) { q.Delimiter, q.Descending = "/", true }), "ä c/ b a0 a/ a B"},
			"a folder":                {with(func(q *object.ListQuery) { q.Delimiter, q.Prefix = "/", "a/" }), "a/1 a/2 a/x/ a/y"},
			"a folder backwards":      {with(func(q *object.ListQuery) { q.Delimiter, q.Prefix, q.Descending = "/", "a/", true }), "a/y a/x/ a/2 a/1"},
			"half a name":             {with(func(q *object.ListQuery) { q.Delimiter, q.Prefix = "/", "a" }), "a a/ a0"},
			"another delimiter":       {with(func(q *object.ListQuery) { q.Delimiter, q.Prefix = "-", "c/" }), "c/d- c/d/e"},
			"search in any case":      {with(func(q *object.ListQuery) { q.Delimiter, q.Search = "/", "b" }), "B b"},
			"search in a folder":      {with(func(q *object.ListQuery) { q.Delimiter, q.Prefix, q.Search = "/", "a/", "X" }), "a/x/"},
			"after a name":            {with(func(q *object.ListQuery) { q.After = "a/x/1" }), "a/x/2 a/y a0 b c/d-1 c/d/e ä"},
			"before a name":           {with(func(q *object.ListQuery) { q.After, q.Descending = "a/x/1", true }), "a/2 a/1 a B"},
			"left out":                {with(func(q *object.ListQuery) { q.Delimiter, q.Offset = "/", 2 }), "a/ a0 b c/ ä"},
			"by time":                 {with(func(q *object.ListQuery) { q.Delimiter, q.SortBy = "/", "created_at" }), "a/ c/ b a0 B ä a"},
			"by time backwards":       {with(func(q *object.ListQuery) { q.Delimiter, q.SortBy, q.Descending = "/", "created_at", true }), "a/ c/ a ä B a0 b"},
			"nothing":                 {with(func(q *object.ListQuery) { q.Prefix = "none/" }), ""},
			"no bucket":               {with(func(q *object.ListQuery) { q.Bucket = "none" }), ""},
			"a prefix of % and _":     {with(func(q *object.ListQuery) { q.Prefix = "%" }), ""},
			"a search of % and _":     {with(func(q *object.ListQuery) { q.Search = "_" }), ""},
			"a prefix in other cases": {with(func(q *object.ListQuery) { q.Prefix = "A/" }), ""},
		} {
			page, err := b.Objects.List(t.Context(), b.Service(), c.query)
			require.NoError(t, err, name)
			require.Equal(t, c.want, names(page), name)
			require.Empty(t, page.Next, name)
			// The same in pages.
			if c.query.Offset > 0 {
				continue
			}
			for limit := 1; limit <= 3; limit++ {
				var got []string
				q := c.query
				q.Limit = limit
				for {
					page, err := b.Objects.List(t.Context(), b.Service(), q)
					require.NoError(t, err, name)
					got = append(got, strings.Fields(names(page))...)
					if page.Next == "" {
						break
					}
					require.Len(t, page.Entries, limit)
					q.Cursor, q.After = page.Next, ""
				}
				require.Equal(t, c.want, strings.Join(got, " "), "%s, %d at a time", name, limit)
			}
		}
		for name, q := range map[string]object.ListQuery{
			"no limit":         with(func(q *object.ListQuery) { q.Limit = 0 }),
			"too many":         with(func(q *object.ListQuery) { q.Limit = object.MaxList + 1 }),
			"less than none":   with(func(q *object.ListQuery) { q.Offset = -1 }),
			"a column":         with(func(q *object.ListQuery) { q.SortBy = "metadata" }),
			"a cursor of ours": with(func(q *object.ListQuery) { q.Cursor = "xyz" }),
			"up":               with(func(q *object.ListQuery) { q.Prefix = "../" }),
		} {
			_, err := b.Objects.List(t.Context(), b.Service(), q)
			require.Contains(t, []string{"INVALID_REQUEST", "INVALID_KEY"}, reason(err), name)
		}
	})
}

func TestListShowsWhatPoliciesShow(t *testing.T) {
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		b.Bucket("a", false)
		b.OwnFolders("a")
		user, _ := b.User()
		for i := range 30 {
			b.Owner("insert into {storage}.objects (bucket_id, name) values ('a', $1)", fmt.Sprintf("%02d/x", i))
		}
		b.Owner("insert into {storage}.objects (bucket_id, name) values ('a', $1)", user+"/deep/x")
		page, err := b.Objects.List(t.Context(), b.Caller("authenticated", user), object.ListQuery{Bucket: "a", Delimiter: "/", Limit: 5})
		require.NoError(t, err)
		require.Equal(t, []string{user + "/"}, page.Folders(), "folders of others are not told")
		require.False(t, slices.ContainsFunc(page.Entries, func(e object.Entry) bool { return e.Object != nil }))
	})
}
