package native_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
)

var (
	sqlBlock    = regexp.MustCompile("(?s)```sql\n(.*?)```")
	ofStorage   = regexp.MustCompile(`\bstorage\.(objects|foldername|extension|operation)\b`)
	toEveryUser = regexp.MustCompile(`\bto authenticated\b`)
)

// TestPoliciesOfTheDocumentation runs the policies that docs/storage.md shows.
func TestPoliciesOfTheDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../../docs/storage.md")
	require.NoError(t, err)
	blocks := sqlBlock.FindAllStringSubmatch(string(page), -1)
	require.Len(t, blocks, 2)
	both(t, func(t *testing.T, s *scene) {
		s.Bucket("avatars", false)
		s.Bucket("team", false)
		for _, block := range blocks {
			s.Owner(toEveryUser.ReplaceAllString(ofStorage.ReplaceAllString(block[1], "{storage}.$1"), "to {authenticated}"))
		}
		ok(t, s.Call("POST", "/object/avatars/"+s.folder+"me.png", s.mine, "png", "Content-Type", "image/png", "X-Upsert", "true"))
		ok(t, s.Call("POST", "/object/sign/avatars/"+s.folder+"me.png", s.mine, `{"expiresIn":3600}`))
		refuses(t, s.Call("POST", "/object/avatars/"+s.folder+"x.png", s.other, "png"), 400, "403", "AccessDenied")
		refuses(t, s.Call("GET", "/object/avatars/"+s.folder+"me.png", s.other, nil), 400, "404", "NoSuchKey")
		require.Equal(t, "me.png", names(t, s.Call("POST", "/object/list/avatars", s.mine, `{"prefix":"`+s.me+`"}`)))

		ok(t, s.Call("POST", "/object/team/a.png", s.mine, "mine"))
		refuses(t, s.Call("POST", "/object/team/a.exe", s.mine, "x"), 400, "403", "AccessDenied")
		refuses(t, s.Call("POST", "/object/team/b.png", "", "x"), 400, "403", "AccessDenied")
		require.Equal(t, "mine", ok(t, s.Call("GET", "/object/team/a.png", s.other, nil)).Text)
		refuses(t, s.Call("PUT", "/object/team/a.png", s.other, "theirs"), 400, "403", "AccessDenied")
		require.Equal(t, "[]", ok(t, s.Call("DELETE", "/object/team", s.other, `{"prefixes":["a.png"]}`)).Text)
		refuses(t, s.Call("GET", "/object/team/a.png", "", nil), 400, "404", "NoSuchKey")
		for _, list := range []string{"/object/list/team", "/object/list-v2/team"} {
			require.NotContains(t, ok(t, s.Call("POST", list, s.mine, `{"prefix":""}`)).Text, "a.png", "files are not listed")
		}
		ok(t, s.Call("PUT", "/object/team/a.png", s.mine, "mine again"))
		require.Len(t, rows(t, s.Call("DELETE", "/object/team", s.mine, `{"prefixes":["a.png"]}`)), 1)
		require.Empty(t, s.Call("POST", "/object/list/team", storagetest.Secret, `{"prefix":""}`).Body)
	})
}

// TestPoliciesDecideEverything tries every operation as nobody, as a stranger and as the owner of a file.
func TestPoliciesDecideEverything(t *testing.T) {
	both(t, func(t *testing.T, s *scene) {
		x := s.folder + "x"
		for name, c := range map[string]struct {
			method, path string
			body         any
			headers      []string
			// denied is the statusCode for those who may not; "" is an answer that shows nothing.
			denied string
		}{
			"upload":           {"POST", "/object/private/" + s.folder + "new", "x", nil, "403"},
			"upsert":           {"POST", "/object/private/" + x, "x", []string{"X-Upsert", "true"}, "403"},
			"update":           {"PUT", "/object/private/" + x, "x", nil, "403"},
			"read":             {"GET", "/object/private/" + x, nil, nil, "404"},
			"read by role":     {"GET", "/object/authenticated/private/" + x, nil, nil, "404"},
			"info":             {"GET", "/object/info/private/" + x, nil, nil, "404"},
			"list":             {"POST", "/object/list/private", `{"prefix":"` + s.me + `"}`, nil, ""},
			"list again":       {"POST", "/object/list-v2/private", `{"prefix":"` + s.me + `"}`, nil, ""},
			"sign":             {"POST", "/object/sign/private/" + x, `{"expiresIn":60}`, nil, "404"},
			"sign many":        {"POST", "/object/sign/private", map[string]any{"expiresIn": 60, "paths": []string{x}}, nil, ""},
			"sign an upload":   {"POST", "/object/upload/sign/private/" + s.folder + "new", nil, nil, "403"},
			"sign an upsert":   {"POST", "/object/upload/sign/private/" + x, nil, []string{"X-Upsert", "true"}, "403"},
			"copy":             {"POST", "/object/copy", map[string]any{"bucketId": "private", "sourceKey": x, "destinationKey": s.folder + "copy"}, nil, "404"},
			"copy over others": {"POST", "/object/copy", map[string]any{"bucketId": "public", "sourceKey": "open", "destinationBucket": "private", "destinationKey": x}, []string{"X-Upsert", "true"}, "404"},
			"move":             {"POST", "/object/move", map[string]any{"bucketId": "private", "sourceKey": x, "destinationKey": s.folder + "moved"}, nil, "404"},
			"delete":           {"DELETE", "/object/private/" + x, nil, nil, "404"},
			"delete many":      {"DELETE", "/object/private", map[string]any{"prefixes": []string{x}}, nil, ""},
		} {
			s.Put("private", x, "mine")
			s.Put("public", "open", "open")
			for _, bearer := range []string{"", s.other} {
				a := s.Call(c.method, c.path, bearer, c.body, c.headers...)
				if c.denied != "" {
					require.Equal(t, c.denied, a.Str("statusCode"), name+a.Text)
				} else {
					require.Equal(t, 200, a.Status, name)
					require.NotContains(t, a.Text, "token=", name)
					require.NotContains(t, a.Text, `"size"`, name)
				}
				require.Equal(t, "mine", s.Read("private", x), name)
			}
			if name != "copy over others" { // a public file is copied by whom a policy shows it
				ok(t, s.Call(c.method, c.path, s.mine, c.body, c.headers...))
			}
			for _, made := range []string{"new", "copy", "moved"} {
				_, _ = s.Objects.Delete(t.Context(), s.Service(), "private", []string{s.folder + made})
			}
		}
	})
}
