package archtest_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rule forbids packages to import others. Both are folders, with all that is in them.
type rule struct {
	name     string
	from     string
	to       []string
	except   []string // folders within "to" that may be imported
	nothing  bool     // every import of this module is forbidden, but for except
	testsToo bool
}

// surfaces are the services of a worker; they meet only in package dataplane.
var surfaces = []string{"dataplane/rest", "dataplane/auth", "dataplane/storage", "dataplane/realtime", "dataplane/functions", "dataplane/meta"}

// authSurfaces are the parts of auth that answer requests; they meet only in package auth, over its domains.
var authSurfaces = []string{"signup", "user", "link", "provider", "sso", "oauthserver", "web3", "mfa", "passkey", "admin", "api"}

// storageSurfaces are the protocols of storage; they meet only in package storage, over its domains.
var storageSurfaces = []string{"native", "resumable", "s3", "render", "api", "upkeep"}

// leaves are the kernel packages that everyone may import and that import nothing but the vocabulary.
var leaves = []string{"internal/fault", "internal/id", "internal/pg", "internal/seal", "internal/token", "internal/setting", "internal/egress", "internal/mail"}

func rules() []rule {
	all := []rule{
		{name: "the control plane knows the data plane only by proto", from: "controlplane", to: []string{"dataplane"}, testsToo: true},
		{name: "the data plane knows the control plane only by proto", from: "dataplane", to: []string{"controlplane"}, testsToo: true},
		{name: "the data plane does not speak the management API", from: "dataplane", to: []string{"internal/gen/fluxbase/controlplane"}, testsToo: true},
		{name: "the kernel imports no plane", from: "internal", to: []string{"controlplane", "dataplane", "cmd"}, testsToo: true},
		{name: "the console's package imports nothing of ours", from: "console", nothing: true},
		{name: "migrations import nothing", from: "migrations", nothing: true, testsToo: true},
		{name: "nobody imports a command", from: "controlplane", to: []string{"cmd"}, testsToo: true},
		{name: "nobody imports a command", from: "dataplane", to: []string{"cmd"}, testsToo: true},
		{name: "the gateway wraps surfaces without knowing them", from: "dataplane/gateway", to: surfaces},
		{name: "the door knows no surface", from: "dataplane/projectdb", to: append([]string{"dataplane/gateway"}, surfaces...)},
		{name: "handlers reach SQL through domains", from: "controlplane/rpc", to: []string{"controlplane/store"}},
		{name: "provisioning is behind jobs", from: "controlplane/project", to: []string{"controlplane/provision"}, testsToo: true},
	}
	for _, s := range surfaces {
		others := slices.DeleteFunc(slices.Clone(surfaces), func(other string) bool { return other == s })
		all = append(all, rule{name: "surfaces do not know each other", from: s, to: append(others, "dataplane/gateway")})
	}
	for service, parts := range map[string][]string{"auth": authSurfaces, "storage": storageSurfaces} {
		for _, name := range parts {
			var others []string
			for _, other := range parts {
				if other != name {
					others = append(others, "dataplane/"+service+"/"+other)
				}
			}
			all = append(all, rule{name: "surfaces of " + service + " do not know each other", from: "dataplane/" + service + "/" + name, to: others})
		}
	}
	for _, l := range leaves {
		all = append(all, rule{name: "kernel packages are leaves", from: l, nothing: true, except: []string{"internal/fault", "internal/id", "internal/config", l}})
	}
	return all
}

func (r rule) forbids(imported string) bool {
	in := func(dir string) bool { return under(imported, dir) }
	if slices.ContainsFunc(r.except, in) {
		return false
	}
	return r.nothing || slices.ContainsFunc(r.to, in)
}

func TestImportsFlowOneWay(t *testing.T) {
	t.Parallel()
	for _, r := range rules() {
		for _, f := range files(t) {
			if !under(f.dir(), r.from) || (f.test && !r.testsToo) {
				continue
			}
			for _, imported := range f.imports {
				if r.forbids(imported) {
					t.Errorf("%s imports %s: %s", f.path, imported, r.name)
				}
			}
		}
	}
}

// TestDirectoryIsUsedByTheWiringOnly: it reads many domains, so nothing but the wiring and rpc may depend on it.
func TestDirectoryIsUsedByTheWiringOnly(t *testing.T) {
	t.Parallel()
	for _, f := range files(t) {
		if f.test || !slices.Contains(f.imports, "controlplane/directory") {
			continue
		}
		allowed := f.dir() == "controlplane" || f.dir() == "controlplane/rpc" || f.dir() == "cmd/fluxbase"
		require.Truef(t, allowed, "%s imports controlplane/directory", f.path)
	}
}

func TestOnlyTheCommandImportsBothPlanes(t *testing.T) {
	t.Parallel()
	planes := map[string]map[string]bool{}
	for _, f := range files(t) {
		for _, imported := range f.imports {
			for _, plane := range []string{"controlplane", "dataplane"} {
				if under(imported, plane) && !under(f.dir(), plane) {
					if planes[f.dir()] == nil {
						planes[f.dir()] = map[string]bool{}
					}
					planes[f.dir()][plane] = true
				}
			}
		}
	}
	for dir, met := range planes {
		if len(met) > 1 {
			require.Equal(t, "cmd/fluxbase", dir, "the planes meet in cmd/fluxbase only")
		}
	}
}

// TestTheRulesBite feeds the rules what they must refuse and what they must let pass.
func TestTheRulesBite(t *testing.T) {
	t.Parallel()
	cases := []struct {
		from, imported string
		forbidden      bool
	}{
		{"controlplane/project", "dataplane/rest", true},
		{"dataplane/rest/plan", "controlplane/project", true},
		{"dataplane/rest/plan", "dataplane/auth", true},
		{"dataplane/rest/plan", "dataplane/rest/query", false},
		{"dataplane/gateway", "dataplane/auth/password", true},
		{"dataplane/auth/mfa", "dataplane/auth/passkey", true},
		{"dataplane/auth/mfa", "dataplane/auth/session", false},
		{"dataplane/storage/s3", "dataplane/storage/native", true},
		{"dataplane/storage/s3", "dataplane/storage/object", false},
		{"dataplane/gateway", "dataplane/projectdb", false},
		{"controlplane/rpc", "controlplane/store", true},
		{"controlplane/account", "controlplane/store", false},
		{"internal/fault", "internal/pg", true},
		{"internal/pg", "internal/fault", false},
		{"internal/testkit", "dataplane/directory", true},
		{"controlplaneish", "dataplane", false},
	}
	for _, c := range cases {
		got := slices.ContainsFunc(rules(), func(r rule) bool { return under(c.from, r.from) && r.forbids(c.imported) })
		require.Equalf(t, c.forbidden, got, "%s → %s", c.from, c.imported)
	}
}

// drawers are names that say nothing about what is inside.
var drawers = []string{"util", "utils", "common", "helper", "helpers", "models", "types", "misc", "shared", "base", "lib"}

func TestNamesSayWhatIsInside(t *testing.T) {
	t.Parallel()
	for _, f := range files(t) {
		if f.generated {
			continue
		}
		name := strings.TrimSuffix(strings.TrimSuffix(path.Base(f.path), ".go"), "_test")
		require.NotContainsf(t, drawers, name, "%s: name the file for the thing in it", f.path)
		for part := range strings.SplitSeq(f.dir(), "/") {
			require.NotContainsf(t, drawers, part, "%s: name the package for what it provides", f.path)
		}
		for part := range strings.SplitSeq(name, "_") {
			require.NotEqualf(t, "tenant", part, "%s: the word is project", f.path)
		}
	}
}
