package native_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/bucket"
	"github.com/wayli-app/fluxbase/dataplane/storage/event"
	"github.com/wayli-app/fluxbase/dataplane/storage/native"
	"github.com/wayli-app/fluxbase/dataplane/storage/protocol"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// clock goes on when it is told to.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time           { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) forward(by time.Duration) { c.ahead.Add(int64(by)) }
func transform(o url.Values) (string, error) {
	if o.Get("width") == "0" {
		return "", fault.New(fault.Invalid, "INVALID_PARAMETER", "width must be from 1.")
	}
	return o.Encode(), nil
}

// scene is a project with the protocol mounted: a private and a public bucket, in whose folders users do as they like with what is theirs.
type scene struct {
	*storagetest.Bundle
	clock *clock
	// me is a user, mine the user's token, folder where the user's files are; other is somebody else's token.
	me, mine, other, folder string
}

func setup(t *testing.T, b *storagetest.Bundle) *scene {
	t.Helper()
	s := &scene{Bundle: b, clock: &clock{}}
	rt := protocol.NewRouter(testkit.Logger(t))
	native.New(native.Deps{
		Objects: b.Objects, Buckets: bucket.New(bucket.Deps{Objects: b.Objects, Queue: b.Queue}), Purger: event.New(event.Deps{Log: testkit.Logger(t), Queue: b.Queue, Egress: b.Egress}),
		Transform: transform, Version: "1.2.3", Now: s.clock.now,
	}).Routes(rt)
	b.Handler = rt
	b.Bucket("private", false)
	b.Bucket("public", true)
	b.OwnFolders("private")
	s.me, s.mine = b.User()
	_, s.other = b.User()
	s.folder = s.me + "/"
	return s
}

// both runs a test over both isolations.
func both(t *testing.T, test func(t *testing.T, s *scene)) {
	t.Helper()
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) { test(t, setup(t, b)) })
}

// refuses asserts an error in Supabase's dialect.
func refuses(t *testing.T, a storagetest.Answer, http int, status, code string, says ...string) {
	t.Helper()
	require.Equal(t, http, a.Status, a.Text)
	require.Equal(t, status, a.Str("statusCode"), a.Text)
	require.Equal(t, code, a.Str("code"), a.Text)
	for _, s := range says {
		require.Contains(t, a.Str("message"), s)
	}
	require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
}

// rows decodes an answer that is a list.
func rows(t *testing.T, a storagetest.Answer) (out []map[string]any) {
	t.Helper()
	require.Equal(t, 200, a.Status, a.Text)
	require.NoError(t, json.Unmarshal([]byte(a.Text), &out), a.Text)
	return out
}

func names(t *testing.T, a storagetest.Answer) string {
	t.Helper()
	var out []string
	for _, r := range rows(t, a) {
		out = append(out, r["name"].(string))
	}
	return strings.Join(out, " ")
}

// ok asserts success.
func ok(t *testing.T, a storagetest.Answer) storagetest.Answer {
	t.Helper()
	require.Equal(t, 200, a.Status, a.Text)
	return a
}
