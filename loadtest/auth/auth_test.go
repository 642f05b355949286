package auth

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/testkit"
	"github.com/wayli-app/fluxbase/loadtest/worker"
)

const (
	connections = 16
	rounds      = 3
	users       = 5000
	secret      = "correct horse battery"
)

// client speaks to one project.
type client struct {
	url, host, key string
	http           *http.Client
}

// call sends a request and decodes its answer.
func (c *client) call(method, path, bearer string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	r, err := http.NewRequest(method, c.url+"/auth/v1"+path, &body)
	if err != nil {
		return err
	}
	r.Host = c.host
	r.Header.Set("apikey", c.key)
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %d %s", method, path, answer.StatusCode, text)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// result is what one round of load came to.
type result struct {
	perSecond float64
	p50, p95  time.Duration
}

// load does work on so many connections at once, for a time. Work is given the connection's number.
func load(b *testing.B, at int, length time.Duration, work func(n int) error) result {
	b.Helper()
	var all sync.WaitGroup
	var failed atomic.Pointer[error]
	took := make([][]time.Duration, at)
	began := time.Now()
	for n := range at {
		all.Go(func() {
			for time.Since(began) < length {
				start := time.Now()
				if err := work(n); err != nil {
					failed.Store(&err)
					return
				}
				took[n] = append(took[n], time.Since(start))
			}
		})
	}
	all.Wait()
	spent := time.Since(began)
	if err := failed.Load(); err != nil {
		require.NoError(b, *err)
	}
	times := slices.Concat(took...)
	slices.Sort(times)
	return result{float64(len(times)) / spent.Seconds(), times[len(times)/2], times[len(times)*95/100]}
}

// median of the rounds by their rates.
func median(results []result) result {
	slices.SortFunc(results, func(a, b result) int { return int(a.perSecond - b.perSecond) })
	return results[len(results)/2]
}

// BenchmarkAuth prints a table: what auth does in a second, and sign-ins by password beside what their hashes alone allow.
func BenchmarkAuth(b *testing.B) {
	length := 4 * time.Second
	if s := os.Getenv("FLUXBASE_BENCH_SECONDS"); s != "" {
		n, err := strconv.Atoi(s)
		require.NoError(b, err)
		length = time.Duration(n) * time.Second
	}
	snapshot := testkit.Project(b, false)
	for key, value := range map[string]string{"sign_in_sign_ups": "1000000", "token_refresh": "1000000"} {
		snapshot.Settings["auth.rate_limit."+key] = value
	}
	c := &client{url: worker.Start(b, snapshot), host: snapshot.GetRef() + ".localhost", key: testkit.ProjectKeys(b, snapshot).Publishable,
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}}
	held := make([]tokens, connections)
	for n := range held {
		require.NoError(b, c.call(http.MethodPost, "/signup", "", map[string]string{"email": email(n), "password": secret}, &held[n]))
	}
	refresh := func(n int) error {
		return c.call(http.MethodPost, "/token?grant_type=refresh_token", "", map[string]string{"refresh_token": held[n].Refresh}, &held[n])
	}
	user := func(n int) error { return c.call(http.MethodGet, "/user", held[n].Access, nil, nil) }
	hash, err := bcrypt.GenerateFromPassword([]byte(secret), bcryptCost)
	require.NoError(b, err)
	fill(b, snapshot, string(hash))
	var next atomic.Int64
	signIn := func(int) error { // each user in turn: tries at one user are limited
		address := fmt.Sprintf("many%d@example.com", next.Add(1)%users)
		return c.call(http.MethodPost, "/token?grant_type=password", "", map[string]string{"email": address, "password": secret}, nil)
	}
	compare := func(int) error { return bcrypt.CompareHashAndPassword(hash, []byte(secret)) }

	load(b, connections, time.Second, refresh)
	var refreshed, asked, signedIn, compared []result
	for range rounds {
		refreshed = append(refreshed, load(b, connections, length, refresh))
		asked = append(asked, load(b, connections, length, user))
		compared = append(compared, load(b, runtime.GOMAXPROCS(0), length, compare))
		signedIn = append(signedIn, load(b, connections, length, signIn))
	}
	r, u, s, h := median(refreshed), median(asked), median(signedIn), median(compared)
	share := s.perSecond / h.perSecond
	b.ReportMetric(r.perSecond, "refreshes/s")
	b.ReportMetric(u.perSecond, "users/s")
	b.ReportMetric(share, "signin/bcrypt")
	line := func(name string, r result, more string) string {
		return fmt.Sprintf("| %-36s | %8.1f | %7.1f | %7.1f | %s |", name, r.perSecond, float64(r.p50.Microseconds())/1000, float64(r.p95.Microseconds())/1000, more)
	}
	fmt.Println("\n" + strings.Join([]string{
		"| what, on " + strconv.Itoa(connections) + " connections | a second | p50 ms | p95 ms | |", "| --- | ---: | ---: | ---: | --- |",
		line("token refresh", r, ""), line("GET /user", u, ""), line("bcrypt alone, on every processor", h, "cost "+strconv.Itoa(bcryptCost)),
		line("sign-in by password", s, fmt.Sprintf("%.2f of bcrypt alone (target 0.90)", share)),
	}, "\n"))
}

// bcryptCost is that of auth's own hashes.
const bcryptCost = 10

func email(n int) string { return fmt.Sprintf("user%d@example.com", n) }

// fill makes users who know the password, as an import does.
func fill(b *testing.B, s *directoryv1.Snapshot, hash string) {
	p, owner := s.GetPlacement(), s.GetPlacement().GetOwner()
	conn, err := pgx.Connect(b.Context(), fmt.Sprintf("postgres://%s:%s@%s:%d/%s?sslmode=disable", owner.GetUser(), owner.GetPassword(), p.GetHost(), p.GetPort(), p.GetDatabase()))
	require.NoError(b, err)
	_, err = conn.Exec(b.Context(), `insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
		select '00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'authenticated', 'authenticated', 'many' || i || '@example.com', $1, now(), '{"provider":"email","providers":["email"]}', '{}', now(), now()
		from generate_series(0, $2 - 1) i`, hash, users)
	require.NoError(b, err)
	require.NoError(b, conn.Close(b.Context()))
}
