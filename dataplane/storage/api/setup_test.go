package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/api"
	"github.com/wayli-app/fluxbase/dataplane/storage/bucket"
	"github.com/wayli-app/fluxbase/dataplane/storage/storagetest"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// client asks the API of a project.
type client struct {
	*storagetest.Bundle
	user, token string
}

func (c *client) handler(change ...func(*api.Deps)) http.Handler {
	d := api.Deps{Log: testkit.Logger(c.T), Objects: c.Objects, Buckets: bucket.New(bucket.Deps{Objects: c.Objects, Queue: c.Queue})}
	for _, each := range change {
		each(&d)
	}
	return api.New(d)
}

// both runs a test over both isolations: with a private bucket of folders that belong to users, and a public one.
func both(t *testing.T, test func(t *testing.T, c *client)) {
	t.Helper()
	storagetest.Both(t, func(t *testing.T, b *storagetest.Bundle) {
		c := &client{Bundle: b}
		c.Handler = c.handler()
		b.Bucket("docs", false)
		b.Bucket("pub", true)
		b.OwnFolders("docs")
		c.user, c.token = b.User()
		test(t, c)
	})
}

// refused requires an error in the shape of /api/v1.
func refused(t *testing.T, out storagetest.Answer, status int, code string) {
	t.Helper()
	require.Equal(t, status, out.Status, out.Text)
	var body struct {
		Error struct{ Code, Message string }
	}
	require.NoError(t, json.Unmarshal([]byte(out.Text), &body), out.Text)
	require.Equal(t, code, body.Error.Code, out.Text)
	require.NotEmpty(t, body.Error.Message)
	require.NotContains(t, out.Text, "_storage", "no physical schema")
}

func ok(t *testing.T, out storagetest.Answer, status int) storagetest.Answer {
	t.Helper()
	require.Equal(t, status, out.Status, out.Text)
	return out
}

// objects are the names of a listing.
func objects(t *testing.T, out storagetest.Answer) (names []string) {
	t.Helper()
	ok(t, out, http.StatusOK)
	for _, o := range out.Body["objects"].([]any) {
		names = append(names, o.(map[string]any)["name"].(string))
	}
	return names
}

func path(bucket, name string) string { return "/buckets/" + bucket + "/objects/" + name }

var long = strings.Repeat("0123456789", 30_000)
