package auth_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// attack is one attempt on a project's auth, as an outsider, a user of the app or a neighbouring project makes it. It fails the test when it succeeds.
type attack struct {
	group, name string
	try         func(s *scene)
}

// outcome is what a row has tried, how often, and how it was refused.
type outcome struct {
	tried, how []string
	attempts   int
}

// TestAttacks tries what is known against services of this kind, over a whole worker, in both isolations. Each row requires the very refusal, and that
// users, identities, factors, sessions and codes are as they were. The table is printed at the end.
func TestAttacks(t *testing.T) {
	t.Parallel()
	in, isolations := install(t), []string{"database", "schema"}
	outcomes := map[string]map[string]*outcome{}
	for _, isolation := range isolations {
		outcomes[isolation] = map[string]*outcome{}
	}
	t.Run("isolation", func(t *testing.T) {
		for _, isolation := range isolations {
			t.Run(isolation, func(t *testing.T) {
				t.Parallel()
				s := newScene(t, in, isolation == "schema")
				for _, a := range attacks() {
					told := &outcome{}
					outcomes[isolation][a.group+a.name] = told
					t.Run(a.group+"/"+a.name, func(t *testing.T) {
						row := *s
						row.T, row.told = t, told
						a.try(&row)
						require.Positive(t, told.attempts, "the row tried nothing")
					})
				}
				require.Zero(t, in.inside.hits.Load(), "something inside was reached")
			})
		}
	})
	t.Log(table(outcomes))
}

func attacks() (all []attack) {
	for _, some := range groups() {
		all = append(all, some...)
	}
	return all
}

func groups() [][]attack {
	return [][]attack{algorithmAttacks(), keyAttacks(), timeAttacks(), fixationAttacks(), replayAttacks(), proofReplays(), refreshAttacks(), raceAttacks(), neighbourAttacks(), clientAttacks(),
		redirectAttacks(), headerAttacks(), limitAttacks(), guessAttacks(), oidcAttacks(), idTokenAttacks(), linkingAttacks(), samlWrappings(), samlForgeries(), samlReplays(),
		factorAttacks(), passkeyAttacks(), accountAttacks(), credentialAttacks(),
		adminAttacks(), inputAttacks(), insideAttacks(), strangerAttacks()}
}

// few are the first of many, in one line.
func few(all []string) string {
	if more := len(all) - 3; more > 0 {
		return fmt.Sprint(strings.Join(all[:3], ", "), " and ", more, " more")
	}
	return strings.Join(all, ", ")
}

// table is "attack | tried | refused with | ok".
func table(outcomes map[string]map[string]*outcome) string {
	var out strings.Builder
	line := "%3s %-24s | %-66s | %-76s | %-58s | %s\n"
	fmt.Fprintf(&out, "\n"+line+"%s\n", "", "", "attack", "tried", "refused with", "ok", strings.Repeat("-", 250))
	attempts := 0
	for i, a := range attacks() {
		first, second := outcomes["database"][a.group+a.name], outcomes["schema"][a.group+a.name]
		ok := "both isolations"
		if strings.Join(first.how, ", ") != strings.Join(second.how, ", ") || first.attempts == 0 {
			ok = "NO"
		}
		attempts += first.attempts + second.attempts
		fmt.Fprintf(&out, line, fmt.Sprint(i+1), a.group, a.name, few(first.tried), strings.Join(first.how, ", "), ok)
	}
	fmt.Fprintf(&out, "%d attacks, %d attempts\n", len(attacks()), attempts)
	return out.String()
}
