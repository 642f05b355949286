package native_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
)

func TestList(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		for _, name := range []string{"b.txt", "a/1.txt", "a/2.txt", "a/deep/3.txt", "C.txt", "日本/x.txt"} {
			s.Put("private", s.folder+name, name)
		}
		s.Put("private", "elsewhere/x", "x")
		all := func(body string) string { return names(t, s.Call("POST", "/object/list/private", s.mine, body)) }
		prefix := func(rest string) string { return `{"prefix":"` + s.me + rest + `"` }
		require.Equal(t, "C.txt a b.txt 日本", all(prefix("")+`}`))
		require.Equal(t, "C.txt a b.txt 日本", all(prefix("/")+`,"limit":100,"offset":0,"sortBy":{"column":"name","order":"asc"}}`))
		require.Equal(t, "日本 b.txt a C.txt", all(prefix("")+`,"sortBy":{"column":"name","order":"desc"}}`))
		require.Equal(t, "a b.txt", all(prefix("")+`,"limit":2,"offset":1}`))
		require.Equal(t, "1.txt 2.txt deep", all(prefix("/a")+`}`))
		require.Equal(t, "3.txt", all(prefix("/a/deep/")+`}`))
		require.Equal(t, "C.txt", all(prefix("")+`,"search":"c"}`))
		require.Empty(t, all(prefix("")+`,"search":"%"}`))
		require.Empty(t, all(prefix("/nothing")+`}`))
		require.Equal(t, s.me, all(`{"prefix":""}`), "what the caller may not see is not there")
		require.Equal(t, s.me, all(`{"prefix":"/"}`))
		require.Equal(t, "a 日本", strings.Join(strings.Fields(all(prefix("") + `,"sortBy":{"column":"created_at","order":"desc"}}`))[:2], " "), "by time, folders come first")

		list := rows(t, s.Call("POST", "/object/list/private", s.mine, prefix("")+`,"limit":2}`))
		file, folder := list[0], list[1]
		require.Equal(t, map[string]any{"name": "a", "id": nil, "updated_at": nil, "created_at": nil, "last_accessed_at": nil, "metadata": nil}, folder)
		metadata := file["metadata"].(map[string]any)
		require.InDelta(t, 5, metadata["size"], 0)
		require.InDelta(t, 5, metadata["contentLength"], 0)
		require.Equal(t, "text/plain", metadata["mimetype"])
		require.Equal(t, "no-cache", metadata["cacheControl"])
		require.InDelta(t, 200, metadata["httpStatusCode"], 0)
		require.Regexp(t, `^"[0-9a-f]{32}"$`, metadata["eTag"])
		for _, field := range []string{"id", "updated_at", "created_at", "last_accessed_at"} {
			require.NotEmpty(t, file[field], field)
		}
		for _, bearer := range []string{"", s.other} {
			require.Equal(t, "[]", ok(t, s.Call("POST", "/object/list/private", bearer, prefix("")+`}`)).Text)
		}
	})
}

func TestListV2(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		for _, name := range []string{"b.txt", "a/1.txt", "a/2.txt", "c/3.txt", "d.txt"} {
			s.Put("private", s.folder+name, name)
		}
		type page struct {
			HasNext    bool
			NextCursor *string
			Folders    []struct{ Name, Key string }
			Objects    []map[string]any
		}
		ask := func(bearer string, body map[string]any) (out page, shown string) {
			a := ok(t, s.Call("POST", "/object/list-v2/private", bearer, body))
			require.NoError(t, json.Unmarshal([]byte(a.Text), &out))
			var parts []string
			for _, f := range out.Folders {
				parts = append(parts, strings.TrimPrefix(f.Name, s.folder))
			}
			for _, o := range out.Objects {
				require.Equal(t, o["name"], o["key"])
				parts = append(parts, strings.TrimPrefix(o["name"].(string), s.folder))
			}
			return out, strings.Join(parts, " ")
		}
		first, shown := ask(s.mine, map[string]any{"prefix": s.folder, "with_delimiter": true, "limit": 3})
		require.Equal(t, "a/ c/ b.txt", shown)
		require.True(t, first.HasNext)
		require.NotNil(t, first.NextCursor)
		require.Equal(t, s.folder+"a", first.Folders[0].Key)
		require.NotEmpty(t, first.Objects[0]["id"])
		require.NotEmpty(t, first.Objects[0]["metadata"])
		second, shown := ask(s.mine, map[string]any{"prefix": s.folder, "with_delimiter": true, "limit": 3, "cursor": *first.NextCursor})
		require.Equal(t, "d.txt", shown)
		require.False(t, second.HasNext)
		require.Nil(t, second.NextCursor)
		require.NotNil(t, second.Folders, "an empty list, not null")

		_, shown = ask(s.mine, map[string]any{"prefix": s.folder})
		require.Equal(t, "a/1.txt a/2.txt b.txt c/3.txt d.txt", shown)
		_, shown = ask(s.mine, map[string]any{"prefix": s.folder + "a/", "sortBy": map[string]any{"column": "name", "order": "desc"}})
		require.Equal(t, "a/2.txt a/1.txt", shown)
		_, shown = ask(s.mine, map[string]any{})
		require.Equal(t, "a/1.txt a/2.txt b.txt c/3.txt d.txt", shown)
		empty, shown := ask(s.other, map[string]any{"prefix": s.folder})
		require.Empty(t, shown)
		require.NotNil(t, empty.Objects)

		var walked []string
		for body := (map[string]any{"limit": 2, "sortBy": map[string]any{"column": "created_at", "order": "desc"}}); ; {
			p, shown := ask(s.mine, body)
			walked = append(walked, shown)
			if !p.HasNext {
				break
			}
			body["cursor"] = *p.NextCursor
		}
		require.Equal(t, "d.txt c/3.txt a/2.txt a/1.txt b.txt", strings.Join(walked, " "))
	})
}

func TestListingsAreRefused(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		for name, body := range map[string]string{
			"a parent":            `{"prefix":"a/../b"}`,
			"a zero character":    `{"prefix":"a\u0000"}`,
			"a limit of nothing":  `{"prefix":"","limit":0}`,
			"a negative offset":   `{"prefix":"","offset":-1}`,
			"an offset like text": `{"prefix":"","offset":"1"}`,
			"a column of others":  `{"prefix":"","sortBy":{"column":"version; drop table objects"}}`,
			"no order":            `{"prefix":"","sortBy":{"column":"name","order":"random()"}}`,
			"no JSON":             `prefix=`,
			"a very long prefix":  fmt.Sprintf(`{"prefix":%q}`, strings.Repeat("a", 2000)),
		} {
			for _, route := range []string{"list", "list-v2"} {
				if route == "list-v2" && strings.Contains(body, "offset") {
					continue
				}
				a := s.Call("POST", "/object/"+route+"/private", s.mine, body)
				require.Equal(t, 400, a.Status, name+a.Text)
				require.Equal(t, "400", a.Str("statusCode"), name)
			}
		}
		for _, cursor := range []string{"x", "e30x", "eyJhIjoiLi4vLi4ifQ", "eyJvIjotMX0"} {
			require.Equal(t, 400, s.Call("POST", "/object/list-v2/private", s.mine, map[string]any{"cursor": cursor}).Status, cursor)
		}
		require.Equal(t, "[]", s.Call("POST", "/object/list/nothing", storagetest.Secret, `{"prefix":""}`).Text)
	})
}
