package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/pg"
)

// scene is two projects of one isolation and what the developers of the first know: everything of their own project, and
// of the other one the ref. The attacker is a paying customer with SQL as its project's owner.
type scene struct {
	in       *installation
	shared   bool
	attacker *project
	victim   *project
	// mark is in every row and function of the victim that nobody else may read.
	mark string
	// attackerUser is the access token of a user of the attacker's project, developer a developer token for it.
	attackerUser, attackerRefresh, developer string
}

// attack is one attempt. It fails the test when it succeeds, and else says how it ended.
type attack struct {
	name string
	try  func(t *testing.T, s *scene) string
}

// TestCrossProjectAttacks tries what a hostile project could try against its neighbour, in both isolations. What an
// isolation does show is asserted too, and written down in docs/isolation.md.
func TestCrossProjectAttacks(t *testing.T) {
	t.Parallel()
	in := install(t)
	outcomes := map[bool]map[string]string{}
	for _, shared := range []bool{false, true} {
		outcomes[shared] = map[string]string{}
		s := newScene(t, in, shared)
		for _, a := range attacks() {
			t.Run(isolationName(shared)+"/"+a.name, func(t *testing.T) { outcomes[shared][a.name] = a.try(t, s) })
		}
		t.Run(isolationName(shared)+"/the victim is as it was", func(t *testing.T) { s.requireUnharmed(t) })
	}
	t.Log(attackTable(outcomes))
}

func attacks() []attack {
	var all []attack
	for _, some := range [][]attack{keyAttacks(), tokenAttacks(), schemaAttacks(), hostAttacks(), pathAttacks(), ownerAttacks(), sqlAttacks(), catalogAttacks(),
		connectionAttacks(), functionAttacks(), restAttacks(), controlAttacks()} {
		all = append(all, some...)
	}
	return all
}

func isolationName(shared bool) string {
	if shared {
		return "schema"
	}
	return "database"
}

func attackTable(outcomes map[bool]map[string]string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "\n%-82s | %-34s | %s\n%s\n", "cross-project attack", "isolation database", "isolation schema", strings.Repeat("-", 150))
	n := 0
	for _, a := range attacks() {
		n++
		fmt.Fprintf(&out, "%3d %-78s | %-34s | %s\n", n, a.name, outcomes[false][a.name], outcomes[true][a.name])
	}
	return out.String()
}

func newScene(t *testing.T, in *installation, shared bool) *scene {
	t.Helper()
	s := &scene{in: in, shared: shared, mark: "MARK" + id.NewRef()}
	mallory, victoria := in.signUp(t, "mallory"), in.signUp(t, "victoria")
	s.attacker, s.victim = mallory.create(t, "Attacker", shared), victoria.create(t, "Victim", shared)
	// The victim's rows are open to all of its own users: what keeps the attacker out is not row-level security. It
	// also grants to the plain roles, as scripts for other platforms do.
	s.asOwner(t, s.victim, func(conn *pgx.Conn) {
		_, err := conn.Exec(t.Context(), fmt.Sprintf(`
			create table vault (id int primary key, secret text not null);
			insert into vault values (1, '%[1]s'), (2, '%[1]s');
			grant all on vault to anon, authenticated, service_role;
			grant all on vault to %[2]s;
			create function reveal() returns text language sql security definer as 'select secret from vault limit 1'`,
			s.mark, pg.Ident(s.role(s.victim, "anon"))))
		require.NoError(t, err)
	})
	s.asOwner(t, s.attacker, func(conn *pgx.Conn) {
		_, err := conn.Exec(t.Context(), fmt.Sprintf(`create table own (id int primary key, note text);
			insert into own values (1, 'mine'); grant all on own to %s, %s`, pg.Ident(s.role(s.attacker, "anon")), pg.Ident(s.role(s.attacker, "authenticated"))))
		require.NoError(t, err)
	})
	session := s.signInAttacker(t)
	s.attackerUser, s.attackerRefresh = session.AccessToken, session.RefreshToken
	s.developer = mallory.developerToken(t, s.attacker.ref)
	s.requireUnharmed(t)
	return s
}

// role is the physical name of a role, and of a schema: they are made alike.
func (s *scene) role(p *project, logical string) string {
	if s.shared {
		return p.ref + "_" + logical
	}
	return logical
}

// lend gives fn a URL that logs in as the project's owner. Only isolation "database" tells it to developers; in isolation "schema"
// the login stays inside Fluxbase, and these attacks suppose that it leaked: the password is another for a moment.
func (s *scene) lend(t *testing.T, p *project, fn func(databaseURL string)) {
	t.Helper()
	if p.databaseURL != "" {
		fn(p.databaseURL)
		return
	}
	admin, err := pgx.Connect(t.Context(), s.in.postgres.URL("postgres"))
	require.NoError(t, err)
	defer func() { _ = admin.Close(context.Background()) }()
	owner, lent := p.ref+"_owner", id.NewPassword()
	var verifier string
	require.NoError(t, admin.QueryRow(t.Context(), "select rolpassword from pg_authid where rolname = $1", owner).Scan(&verifier))
	set := func(secret string) {
		_, err := admin.Exec(context.WithoutCancel(t.Context()), "alter role "+pg.Ident(owner)+" password "+pg.Literal(secret))
		require.NoError(t, err)
	}
	set(lent)
	defer set(verifier)
	u, err := url.Parse(s.in.postgres.URL("fluxbase_shared"))
	require.NoError(t, err)
	u.User = url.UserPassword(owner, lent)
	fn(u.String())
}

// connect opens a session as the project's owner.
func (s *scene) connect(t *testing.T, p *project) (conn *pgx.Conn) {
	t.Helper()
	s.lend(t, p, func(databaseURL string) {
		var err error
		conn, err = pgx.Connect(t.Context(), databaseURL)
		require.NoError(t, err)
	})
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func (s *scene) asOwner(t *testing.T, p *project, fn func(*pgx.Conn)) {
	t.Helper()
	conn := s.connect(t, p)
	defer func() { _ = conn.Close(context.Background()) }()
	fn(conn)
}

// requireUnharmed reads the victim's rows by the victim's own key.
func (s *scene) requireUnharmed(t *testing.T) {
	t.Helper()
	answer := s.send(t, request{host: s.hostOf(s.victim), path: "/rest/v1/vault?select=secret&order=id", key: s.victim.publishable})
	require.Equal(t, http.StatusOK, answer.status, answer.body)
	require.JSONEq(t, fmt.Sprintf(`[{"secret":%[1]q},{"secret":%[1]q}]`, s.mark), answer.body)
	s.asOwner(t, s.victim, func(conn *pgx.Conn) {
		var owner string
		require.NoError(t, conn.QueryRow(t.Context(), "select current_user").Scan(&owner))
		require.Equal(t, s.victim.ref+"_owner", owner)
	})
}

// fill puts refs and physical names into a statement: {A}, {B}, {A.public}, {B.public}, {B.auth}, {A.anon}, {B.service_role} and so on.
func (s *scene) fill(text string) string {
	pairs := []string{"{A}", s.attacker.ref, "{B}", s.victim.ref, "{MARK}", s.mark, "{A.db}", s.database(s.attacker), "{B.db}", s.database(s.victim)}
	for _, logical := range []string{"public", "auth", "storage", "realtime", "extensions", "anon", "authenticated", "service_role"} {
		// In its own database, a project's schema has no name of its own that another could use.
		pairs = append(pairs, "{A."+logical+"}", s.role(s.attacker, logical), "{B."+logical+"}", s.victim.ref+"_"+logical)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func (s *scene) database(p *project) string {
	if s.shared {
		return "fluxbase_shared"
	}
	return p.ref
}

// code is the SQLSTATE of an error, "" for none.
func code(err error) string {
	if err == nil {
		return ""
	}
	if state := pg.Code(err); state != "" {
		return state
	}
	if connect := (*pgconn.ConnectError)(nil); asError(err, &connect) {
		return "connection refused"
	}
	return err.Error()
}
