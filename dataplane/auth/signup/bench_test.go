package signup_test

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/wayli-app/fluxbase/dataplane/auth/authtest"
	"github.com/wayli-app/fluxbase/dataplane/auth/password"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// BenchmarkSignInWithPassword signs in as often as it can, and tells what share that is of what bcrypt alone allows on the same machine.
func BenchmarkSignInWithPassword(b *testing.B) {
	bundle := authtest.New(b, false)
	bundle.Hasher = password.NewHasher(runtime.GOMAXPROCS(0))
	mount(bundle)
	bundle.User("ada@example.com", "correct horse")
	hash, err := bcrypt.GenerateFromPassword([]byte("correct horse"), 10)
	require.NoError(b, err)
	session := bundle.Door.Bind(bundle.Project, projectdb.Caller{Role: "anon"})
	signIn := func() bool {
		r := httptest.NewRequest(http.MethodPost, "/token?grant_type=password", strings.NewReader(`{"email":"ada@example.com","password":"correct horse"}`))
		w := httptest.NewRecorder()
		bundle.Router.ServeHTTP(w, r.WithContext(projectdb.NewContext(r.Context(), session)))
		return w.Code == http.StatusOK
	}
	for b.Loop() {
		alone := rate(runtime.GOMAXPROCS(0), func() bool { return bcrypt.CompareHashAndPassword(hash, []byte("correct horse")) == nil })
		whole := rate(4*runtime.GOMAXPROCS(0), signIn)
		b.ReportMetric(alone, "bcrypt/s")
		b.ReportMetric(whole, "sign-ins/s")
		b.ReportMetric(whole/alone, "share")
	}
}

// rate is how often fn succeeds in a second, with so many at once.
func rate(atOnce int, fn func() bool) float64 {
	var done atomic.Int64
	var wait sync.WaitGroup
	began := time.Now()
	for range atOnce {
		wait.Go(func() {
			for time.Since(began) < 3*time.Second {
				if fn() {
					done.Add(1)
				}
			}
		})
	}
	wait.Wait()
	return float64(done.Load()) / time.Since(began).Seconds()
}
