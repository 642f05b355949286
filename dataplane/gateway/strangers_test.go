package gateway

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/id"
)

// counted counts the questions for projects that are not there.
type counted struct {
	*known
	unknown atomic.Int64
}

func (c *counted) ByRef(ctx context.Context, ref string) (*directory.Project, error) {
	p, err := c.known.ByRef(ctx, ref)
	if err != nil {
		c.unknown.Add(1)
	}
	return p, err
}

func TestWhoAsksForProjectsThatAreNotThereIsLimited(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	projects := &counted{known: &known{[]*sample{s}}}
	b := setup(t, func(d *Deps) {
		d.Projects, d.Limits, d.TrustedProxies = projects, freely{}, []string{"127.0.0.1"}
	})
	ask := func(ref, address string) response {
		return b.do(t, request{host: ref + ".example.test", path: rest, header: map[string]string{"apikey": s.publishable, "X-Forwarded-For": address}})
	}
	refused := 0
	for range 3 * strangeNames.Burst {
		got := ask(id.NewRef(), "192.0.2.1")
		if got.status == 404 {
			continue
		}
		refused++
		require.Equal(t, 429, got.status)
		require.Equal(t, "UNKNOWN_PROJECTS", got.code(t))
		wait, err := strconv.Atoi(got.header.Get("Retry-After"))
		require.NoError(t, err)
		require.Positive(t, wait)
		require.Equal(t, 200, ask(s.project.Ref, "192.0.2.1").status, "a known project is served to the same address")
	}
	require.Greater(t, refused, strangeNames.Burst)
	require.Less(t, int(projects.unknown.Load()), 2*strangeNames.Burst)
	require.Equal(t, 404, ask(id.NewRef(), "192.0.2.2").status, "others are not limited")
	require.Equal(t, 404, ask("www", "192.0.2.1").status, "what can be no ref is asked of nobody")
}

// later knows a newer snapshot of its one project, and counts who asks for it.
type later struct {
	*known
	newest *directory.Project
	asked  atomic.Int64
}

func (l *later) WithKey(context.Context, *directory.Project, [32]byte) *directory.Project {
	l.asked.Add(1)
	return l.newest
}

func TestAKeyMadeAMomentAgoIsLookedFor(t *testing.T) {
	t.Parallel()
	s := newSample(t, nil)
	made := id.NewSecret(id.PrefixSecret)
	s.snapshot.Keys = append(s.snapshot.Keys, &directoryv1.Key{Id: "made", Hash: id.Hash(made), Role: roleService})
	newest, err := directory.FromSnapshot(s.snapshot)
	require.NoError(t, err)
	projects := &later{known: &known{[]*sample{s}}, newest: newest}
	b := setup(t, func(d *Deps) { d.Projects, d.Limits = projects, freely{} })
	ask := func(header map[string]string) response {
		return b.do(t, request{host: s.project.Ref + ".example.test", path: rest, header: header})
	}
	require.Equal(t, roleService, ask(map[string]string{"apikey": made}).seen(t).Role)
	require.Equal(t, roleService, ask(map[string]string{"apikey": s.publishable, "Authorization": "Bearer " + made}).seen(t).Role)
	require.Equal(t, int64(2), projects.asked.Load())
	for _, odd := range []string{"fbk_sec_short", "nonsense", s.expired} {
		require.Equal(t, 401, ask(map[string]string{"apikey": odd}).status)
	}
	require.Equal(t, int64(2), projects.asked.Load(), "what can be no new key is not asked for")
	for range 4 * strangeKeys.Burst {
		got := ask(map[string]string{"apikey": id.NewSecret(id.PrefixSecret)})
		require.Equal(t, 401, got.status)
		require.Equal(t, "API_KEY_INVALID", got.code(t))
	}
	require.Less(t, int(projects.asked.Load()), 2*strangeKeys.Burst)
}
