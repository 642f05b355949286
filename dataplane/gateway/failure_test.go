package gateway

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/failure"
)

type notes struct {
	mu   sync.Mutex
	refs []string
	list []failure.Failure
}

func (n *notes) Note(ref string, f failure.Failure) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refs, n.list = append(n.refs, ref), append(n.list, f)
}

// fails answers with the status and body that a test asks for.
var fails = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	status, _ := strconv.Atoi(r.Header.Get("X-Status"))
	if kind := r.Header.Get("X-Kind"); kind != "" {
		w.Header().Set("Content-Type", kind)
	}
	if code := r.Header.Get("X-Proxy"); code != "" {
		w.Header().Set("Proxy-Status", "PostgREST; error="+code)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, r.Header.Get("X-Answer"))
})

func TestFailuresAreNoted(t *testing.T) {
	t.Parallel()
	s, other := newSample(t, nil), newSample(t, nil)
	n := &notes{}
	b := setup(t, func(d *Deps) {
		d.Failures = n
		d.Services = []Service{{Name: "rest", Prefix: "/rest/v1", Handler: fails}, {Name: "meta", Prefix: "/meta/v1", Access: DeveloperAccess, Handler: fails}}
	}, s, other)
	ask := func(key, path string, header map[string]string) {
		all := map[string]string{"X-Request-Id": "mine-1"}
		if key != "" {
			all["apikey"] = key
		}
		for name, value := range header {
			all[name] = value
		}
		b.do(t, request{host: s.project.Ref + ".example.test", path: path, header: all})
	}
	answer := func(status, kind, body string) map[string]string {
		return map[string]string{"X-Status": status, "X-Kind": kind, "X-Answer": body}
	}
	const kind = "application/json; charset=utf-8"
	ask(s.publishable, "/rest/v1/notes?email=eq.ada%40example.com&apikey=x", answer("404", kind, `{"code":"PGRST205","message":"Ada's secret"}`))
	ask(s.publishable, rest, answer("200", kind, `{"code":"42P01"}`))
	ask(s.publishable, rest, answer("302", kind, ``))
	ask(s.secret, rest, answer("400", kind, `{"code":400,"error_code":"weak_password","msg":"x"}`))
	ask(s.secret, rest, answer("500", kind, `{"error":{"code":"INTERNAL","message":"x"}}`))
	ask(s.secret, rest, answer("409", kind, `{"code":"a secret, not a code","error":"<b>"}`))
	ask(s.secret, rest, answer("409", "text/plain", `{"code":"42P01"}`))
	ask(s.secret, rest, map[string]string{"X-Status": "403", "X-Proxy": "42501"})
	ask("wrong", "/rest/v1/notes", nil)
	ask(s.publishable, "/nowhere", nil)
	ask(s.publishable, "/meta/v1/query", nil)
	ask(s.user, "/meta/v1/query", nil)
	b.do(t, request{host: "worker.example.test:8000", path: "/p/" + other.project.Ref + "/rest/v1/x", header: map[string]string{"apikey": other.publishable, "X-Status": "500"}})
	b.do(t, request{host: "zzzzzzzzzzzzzzzzzzzz.example.test", path: rest})
	b.server.Close()

	type brief struct{ service, path, status, code string }
	got := []brief{}
	for _, f := range n.list {
		got = append(got, brief{f.Service, f.Path, strconv.Itoa(f.Status), f.Code})
	}
	require.Equal(t, []brief{
		{"rest", "/rest/v1/notes", "404", "PGRST205"},
		{"rest", rest, "400", "weak_password"},
		{"rest", rest, "500", "INTERNAL"},
		{"rest", rest, "409", ""},
		{"rest", rest, "409", ""},
		{"rest", rest, "403", "42501"},
		{"rest", "/rest/v1/notes", "401", "API_KEY_INVALID"},
		{"none", "/nowhere", "404", "ROUTE_NOT_FOUND"},
		{"meta", "/meta/v1/query", "401", "DEVELOPER_TOKEN_REQUIRED"},
		{"meta", "/meta/v1/query", "401", "API_KEY_INVALID"},
		{"rest", "/rest/v1/x", "500", ""},
	}, got)
	first := n.list[0]
	require.Equal(t, s.project.Ref, n.refs[0])
	require.Equal(t, other.project.Ref, n.refs[10], "each in its own project")
	require.Equal(t, []string{"mine-1", "GET", "anon", s.snapshot.GetKeys()[0].GetId()}, []string{first.RequestID, first.Method, first.Role, first.KeyID})
	require.WithinDuration(t, time.Now(), first.Time, time.Minute)
	told, err := json.Marshal(n.list)
	require.NoError(t, err)
	for _, secret := range []string{"example.com", "Ada", "secret", s.publishable, s.secret, "eq."} {
		require.NotContains(t, string(told), secret)
	}
	require.Equal(t, map[string]int{s.project.ID + "/rest": 1, s.project.ID + "/meta": 2}, b.usage.refused)
	require.Equal(t, 8, b.usage.requests[s.project.ID+"/rest"])
}

func TestMistakesOfDevelopersAreNotNoted(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	n := &notes{}
	b := setup(t, func(d *Deps) {
		d.Failures = n
		d.Services = []Service{{Name: "meta", Prefix: "/meta/v1", Access: DeveloperAccess, Handler: fails}}
	}, s)
	for _, status := range []string{"400", "500"} {
		b.do(t, request{host: s.project.Ref + ".example.test", path: "/meta/v1/query", header: map[string]string{"Authorization": "Bearer " + s.developer, "X-Status": status}})
	}
	b.server.Close()
	require.Len(t, n.list, 1)
	require.Equal(t, 500, n.list[0].Status)
}

func BenchmarkFailureIsNoted(b *testing.B) {
	x := &exchange{ResponseWriter: &blank{http.Header{"Content-Type": {"application/json; charset=utf-8"}}}, g: &Gateway{}, r: &http.Request{Method: http.MethodGet}}
	body := []byte(`{"code":"42P01","details":null,"hint":null,"message":"relation \"public.nothing\" does not exist"}`)
	x.served, x.status = true, 404
	b.ReportAllocs()
	for b.Loop() {
		x.read, x.answered = false, ""
		x.readCode(body)
	}
	require.Equal(b, "42P01", x.answered)
}
