package rest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestNoCodeOutlastsThePlan: whatever a project's functions set, a statement ends when the plan's time is over. Postgres rounds what is less
// than a millisecond to none, which is no limit.
func TestNoCodeOutlastsThePlan(t *testing.T) {
	t.Parallel()
	const limit, nap = 300 * time.Millisecond, 30 * time.Second
	b := setup(t, false)
	b.owner(t, `
		create function unbound() returns void language sql as $$ select set_config('statement_timeout', '0', true), set_config('search_path', 'pg_temp', true) $$;
		create function nap() returns text language sql as $$ select pg_sleep(30)::text $$;
		create function nap_a() returns text language sql set statement_timeout = '1us' as $$ select pg_sleep(30)::text $$;
		create function nap_b() returns text language sql set statement_timeout = '0.0004s' as $$ select pg_sleep(30)::text $$;
		create function nap_c() returns text language sql set statement_timeout = '0' as $$ select pg_sleep(30)::text $$;
		create function nap_d() returns text language sql set statement_timeout = '1h' as $$ select pg_sleep(30)::text $$;
		create function second() returns setof int language plpgsql stable as $$ begin
			if current_setting('statement_timeout') <> '0' and current_setting('app.called', true) is distinct from 'yes' then
				perform set_config('statement_timeout', '0', true), set_config('app.called', 'yes', true); return next 1;
			else perform pg_sleep(30); end if; end $$`)
	b.check(t, row{target: "/notes?select=id&id=eq.1", want: `[{"id":1}]`}) // the catalog is loaded without the limit
	p := *b.project
	p.Limits.StatementTimeout = limit
	set := func(settings map[string]any) {
		next := p
		next.Settings = settings
		b.project = &next
	}
	for _, c := range []struct {
		name, method, target, before string
		headers                      map[string]string
	}{
		{name: "as it is", target: "/rpc/nap"},
		{name: "microseconds", target: "/rpc/nap_a"},
		{name: "part of a millisecond", target: "/rpc/nap_b"},
		{name: "nothing", target: "/rpc/nap_c"},
		{name: "an hour", target: "/rpc/nap_d"},
		{name: "after the function before requests", target: "/rpc/nap", before: "unbound"},
		{name: "after the count", method: http.MethodGet, target: "/rpc/second", headers: count},
	} {
		t.Run(c.name, func(t *testing.T) {
			set(map[string]any{"rest.pre_request": c.before})
			method, body := http.MethodPost, "{}"
			if c.method != "" {
				method, body = c.method, ""
			}
			began := time.Now()
			w := b.do("service_role", method, c.target, body, c.headers)
			require.Equal(t, http.StatusInternalServerError, w.Code, w.Body.String())
			require.Contains(t, w.Body.String(), "57014")
			require.Less(t, time.Since(began), nap)
		})
	}
}
