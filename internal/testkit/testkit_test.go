package testkit_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/testkit"
	"github.com/wayli-app/fluxbase/migrations"
)

func TestDatabase(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"a/0002_two.sql": {Data: []byte("insert into one values (1);")},
		"a/0001_one.sql": {Data: []byte("create table one (id int);")},
	}
	var names []string
	for range 2 {
		pool := testkit.Database(t, files)
		var name string
		var n int
		require.NoError(t, pool.QueryRow(t.Context(), "insert into one values (2) returning current_database()").Scan(&name))
		require.NoError(t, pool.QueryRow(t.Context(), "select count(*) from one").Scan(&n))
		require.Equal(t, 2, n)
		names = append(names, name)
	}
	require.NotEqual(t, names[0], names[1])
}

func TestControlDatabase(t *testing.T) {
	t.Parallel()
	pool := testkit.Database(t, migrations.Controlplane)
	var n int
	require.NoError(t, pool.QueryRow(t.Context(), "select (select count(*) from plan) + (select count(*) from river_job)").Scan(&n))
	require.Positive(t, n)
}

func TestRedis(t *testing.T) {
	t.Parallel()
	client, prefix := testkit.Redis(t)
	_, other := testkit.Redis(t)
	require.NotEqual(t, prefix, other)
	require.NoError(t, client.Set(t.Context(), prefix+"x", "1", time.Minute).Err())
}

func TestS3(t *testing.T) {
	t.Parallel()
	store := testkit.S3(t)
	client := testkit.S3Client(store)
	bucket, key := store.BucketPrefix+"one", "folder/file.txt"
	_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	require.NoError(t, err)
	_, err = client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("hello")})
	require.NoError(t, err)
	_, err = client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	require.NoError(t, err)
}

func TestLoggerAfterTheEnd(t *testing.T) {
	t.Parallel()
	var late func()
	t.Run("inner", func(t *testing.T) {
		log := testkit.Logger(t)
		late = func() { log.Info("late") }
		late()
	})
	require.NotPanics(t, late)
}
