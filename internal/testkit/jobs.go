package testkit

import (
	"testing"
	"testing/fstest"
)

// Jobs makes a database for the jobs of workers, of the test's own, and returns its address. It is dropped at the test's end.
func Jobs(t testing.TB) string {
	t.Helper()
	return Database(t, fstest.MapFS{}).Config().ConnString()
}
