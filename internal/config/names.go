package config

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// others are variables of ours that are no settings: those of the command line, of `fluxbase dev`, and of tests and scripts.
// A name that ends in _ stands for all that begin with it.
var others = []string{
	"CONFIG", "URL", "ACCESS_TOKEN", "PROFILE", "POSTGRES_BIN", "POSTGRES_USER", "BIN", "TEST_", "BENCH_", "DEVSTACK_TEST_",
}

// kubernetes matches the variables that Kubernetes makes for services whose names begin with fluxbase.
var kubernetes = regexp.MustCompile(`^(.*_)?(SERVICE_HOST=|SERVICE_PORT(_[A-Z0-9_]+)?=|PORT=[a-z]+://|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?=)`)

// checkNames reports variables that begin like ours and are none: somebody believes that they set something.
func (f *Faults) checkNames(environ []string) {
	known := map[string]bool{}
	for path := range leaves(reflect.ValueOf(&Config{}).Elem()) {
		known[EnvName(path)] = true
	}
	all := slices.Sorted(maps.Keys(known))
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		rest, ours := strings.CutPrefix(name, envPrefix)
		if !ours || known[name] || isOther(rest) || kubernetes.MatchString(rest+"="+value) {
			continue
		}
		advice := "`fluxbase config print` shows all there are, so take it out of the environment"
		if near := nearest(name, all); near != "" {
			advice = "set " + near + " if that is meant, or take it out of the environment"
		}
		f.add("%s is no setting: %s.", name, advice)
	}
}

func isOther(rest string) bool {
	return slices.ContainsFunc(others, func(o string) bool {
		return rest == o || strings.HasSuffix(o, "_") && strings.HasPrefix(rest, o)
	})
}

// nearest is the name that differs least, or "" when none is like the given one.
func nearest(name string, all []string) string {
	best, least := "", max(2, (len(name)-len(envPrefix))/3)+1
	for _, other := range all {
		if n := distance(name, other); n < least {
			best, least = other, n
		}
	}
	return best
}

// distance is how many letters must be put in, taken out or changed to make one name of another.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
