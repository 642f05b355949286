package main

import (
	"encoding/json"
	"testing"

	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"
)

func TestStorageKeys(t *testing.T) {
	t.Parallel()
	const (
		made   = `{"id":"8692","description":"backups","created_at":"2026-11-23T05:00:00Z","last_used_at":null,"access_key":"8692","secret_key":"6cff"}`
		listed = `[{"id":"8692","description":"backups","created_at":"2026-11-23T05:00:00Z","last_used_at":null},
			{"id":"77aa","description":"","created_at":"2026-11-23T05:00:00Z","last_used_at":"2026-11-23T06:00:00Z"}]`
	)
	t.Run("create", func(t *testing.T) {
		t.Parallel()
		f, run := newFakeStorage(t, 201, made, made)
		got := run("", "projects", "storage", "keys", "create", "backups", "--project", "abc")
		require.Zero(t, got.code, got.err)
		require.Equal(t, []string{`POST /storage/v1/s3-keys Bearer developer {"description":"backups"}`}, f.asked)
		for _, says := range []string{"8692", "6cff", f.url + "/p/abc/storage/v1/s3"} {
			require.Contains(t, got.out, says)
		}
		require.Contains(t, got.err, "it is not shown again")
		require.NotContains(t, got.err, "6cff", "the secret is in the answer only")
		got = run("", "projects", "storage", "keys", "create", "abc", "backups", "-o", "json")
		require.Zero(t, got.code, got.err)
		require.Empty(t, got.err)
		var out map[string]any
		require.NoError(t, json.Unmarshal([]byte(got.out), &out))
		require.Equal(t, map[string]any{"id": "8692", "description": "backups", "created_at": "2026-11-23T05:00:00Z", "last_used_at": nil,
			"access_key": "8692", "secret_key": "6cff", "endpoint": f.url + "/p/abc/storage/v1/s3"}, out)
	})
	t.Run("list", func(t *testing.T) {
		t.Parallel()
		f, run := newFakeStorage(t, 200, listed, listed, `[]`)
		got := run("", "projects", "storage", "keys", "list", "--project", "abc")
		require.Zero(t, got.code, got.err)
		require.Equal(t, []string{`GET /storage/v1/s3-keys Bearer developer `}, f.asked)
		require.Contains(t, got.out, "backups")
		require.Contains(t, got.out, "never")
		got = run("", "projects", "storage", "keys", "list", "abc", "-o", "json")
		require.JSONEq(t, listed, got.out)
		got = run("", "projects", "storage", "keys", "list", "abc", "-o", "json")
		require.JSONEq(t, `[]`, got.out)
	})
	t.Run("delete", func(t *testing.T) {
		t.Parallel()
		f, run := newFakeStorage(t, 204, "", "")
		got := run("", "projects", "storage", "keys", "delete", "86/92", "--project", "abc")
		require.Zero(t, got.code, got.err)
		require.Equal(t, []string{`DELETE /storage/v1/s3-keys/86%2F92 Bearer developer `}, f.asked, "what is no id leads nowhere else")
		require.Contains(t, got.out, "Deleted 86/92.")
		got = run("", "projects", "storage", "keys", "delete", "abc", "8692", "-o", "json")
		require.JSONEq(t, `{"id":"8692"}`, got.out)
	})
}

func TestStorageKeysRefuse(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		status int
		answer string
		args   []string
		code   int
		says   string
		asks   bool
	}{
		"no project":           {200, `{}`, []string{"list"}, exitUsage, "--project REF", false},
		"no description":       {201, `{}`, []string{"create", "--project", "abc"}, exitUsage, "DESCRIPTION is missing", false},
		"no id":                {204, ``, []string{"delete", "--project", "abc"}, exitUsage, "ID is missing", false},
		"a key that is gone":   {400, `{"statusCode":"404","code":"NoSuchAccessKey","message":"There is no such access key."}`, []string{"delete", "abc", "x"}, exitNotFound, "NO_SUCH_ACCESS_KEY", true},
		"too many":             {400, `{"statusCode":"409","code":"TooManyAccessKeys","message":"The project has 50 access keys already."}`, []string{"create", "abc", "x"}, exitConflict, "50 access keys", true},
		"not allowed":          {400, `{"statusCode":"403","code":"AccessDenied","message":"Not you."}`, []string{"list", "abc"}, exitDenied, "Not you.", true},
		"a project that is up": {200, `<html>`, []string{"list", "abc"}, exitFailure, "read the project's answer", true},
		"one that is not":      {503, ``, []string{"list", "abc"}, exitUnavailable, "status 503", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, run := newFakeStorage(t, row.status, row.answer)
			got := run("", append([]string{"projects", "storage", "keys"}, row.args...)...)
			require.Equal(t, row.code, got.code, got.err)
			require.Contains(t, got.err, row.says)
			require.Equal(t, row.asks, len(f.asked) > 0)
		})
	}
}

// testStorageKeys makes a key, and is an S3 client with what it is told.
func testStorageKeys(ada *person, ref string) {
	t := ada.t
	var made accessKeyJSON
	ada.must(&made, "projects", "storage", "keys", "create", "backups", "--project", ref)
	client := s3.New(s3.Options{
		BaseEndpoint: &made.Endpoint, Region: "us-east-1", UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials: awscredentials.NewStaticCredentialsProvider(made.AccessKey, made.SecretKey, ""),
	})
	_, err := client.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	require.NoError(t, err)
	var keys []accessKeyJSON
	ada.must(&keys, "projects", "storage", "keys", "list", "--project", ref)
	require.Len(t, keys, 1)
	require.Equal(t, "backups", keys[0].Description)
	require.NotNil(t, keys[0].LastUsedAt)
	require.Empty(t, keys[0].SecretKey)
	ada.must(&struct{}{}, "projects", "storage", "keys", "delete", made.ID, "--project", ref)
	_, err = client.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	require.ErrorContains(t, err, "InvalidAccessKeyId")
	ada.refused(exitNotFound, "NO_SUCH_ACCESS_KEY", "projects", "storage", "keys", "delete", made.ID, "--project", ref)
}
