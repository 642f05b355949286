// Package layout is what a project looks like on a Postgres cluster: the names of its roles, database and schemas, and the SQL that
// makes, changes and removes them. It knows nothing of either plane.
package layout

import (
	"fmt"
	"slices"
	"time"

	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/pg"
)

// SharedDatabase holds the projects of isolation "schema" of a cluster.
const SharedDatabase = "fluxbase_shared"

// Roles that every cluster has. No one logs in as one of them.
const (
	Anon          = "anon"
	Authenticated = "authenticated"
	ServiceRole   = "service_role"

	// AuthAdmin is the role that auth calls a project's hooks as a member of, so that functions can be granted to auth alone, as Supabase's
	// documentation tells. In isolation "schema" each project has its own.
	AuthAdmin = "supabase_auth_admin"

	// ownerGroup has what owners may do in their database's service schemas. All owners are members; it reaches no
	// database by itself.
	ownerGroup      = "fluxbase_owner"
	templateOwner   = "fluxbase_template_owner"
	templateAdmin   = "fluxbase_template_admin"
	templateStorage = "fluxbase_template_storage"
)

// Connection limits of one project.
const (
	maxAuthenticator = 60
	maxAdmin         = 20
	maxStorage       = 20
	maxOwner         = 20
	maxDatabase      = 100
)

// plainRoles are those that every cluster has.
var plainRoles = []string{Anon, Authenticated, ServiceRole, AuthAdmin, ownerGroup, templateOwner, templateAdmin, templateStorage}

var requestRoles = []string{Anon, Authenticated, ServiceRole}

// StatementTimeout is how long a statement of a request may run by default. Postgres applies settings of roles at login only,
// not at SET ROLE, and a role may change its own: so the door sets this at each request and does not read it from
// the catalog.
func StatementTimeout(role string) time.Duration {
	switch role {
	case Anon:
		return 3 * time.Second
	case Authenticated:
		return 8 * time.Second
	default:
		return time.Minute
	}
}

// Names makes the names of one project. The zero value is of no use: call Of.
type Names struct {
	ref    string
	shared bool
}

// Of returns the names of a project; shared means isolation "schema". It panics when ref has not the form of a ref, because
// names are put into SQL.
func Of(ref string, shared bool) Names {
	if !id.ValidRef(ref) {
		panic(fmt.Sprintf("layout: %q is not a project's ref", ref))
	}
	return Names{ref: ref, shared: shared}
}

// Ref returns the project's ref.
func (n Names) Ref() string { return n.ref }

// Shared reports whether the project shares its database with others.
func (n Names) Shared() bool { return n.shared }

// Database returns the name of the database that the project is in.
func (n Names) Database() string {
	if n.shared {
		return SharedDatabase
	}
	return n.ref
}

// SchemaPrefix stands before each logical schema name: empty in a database of its own.
func (n Names) SchemaPrefix() string {
	if n.shared {
		return n.ref + "_"
	}
	return ""
}

// RolePrefix stands before each request role: empty in a database of its own.
func (n Names) RolePrefix() string { return n.SchemaPrefix() }

// Schema returns the physical name of a logical schema.
func (n Names) Schema(logical string) string { return n.SchemaPrefix() + logical }

// CanHave reports whether a project may ever have a schema, by its logical name. In a shared database there are only those
// that provisioning makes: owners cannot create any.
func (n Names) CanHave(logical string) bool {
	return !n.shared || slices.Contains(sharedSchemas, logical)
}

// sharedSchemas are the schemas of a project in a shared database: migrations/project makes them.
var sharedSchemas = []string{"public", "auth", "storage", "realtime", "extensions", "supabase_migrations"}

// Role returns the physical name of a request role.
func (n Names) Role(logical string) string { return n.RolePrefix() + logical }

// Authenticator returns the login that runs requests.
func (n Names) Authenticator() string { return n.ref + "_authenticator" }

// Admin returns the login that owns the services' schemas, but for storage's.
func (n Names) Admin() string { return n.ref + "_admin" }

// StorageVersion is the migration from which on projects have the login Storage.
const StorageVersion = 13

// Storage returns the login that owns what storage counts. No code of the project's ever runs as it.
func (n Names) Storage() string { return n.ref + "_storage" }

// Owner returns the login that owns the project's own schemas.
func (n Names) Owner() string { return n.ref + "_owner" }

func (n Names) logins() []string {
	return []string{n.Authenticator(), n.Admin(), n.Storage(), n.Owner()}
}

// roles are all roles that exist for this project alone.
func (n Names) roles() []string {
	out := n.logins()
	if n.shared {
		for _, r := range requestRoles {
			out = append(out, n.Role(r))
		}
		out = append(out, n.Role(AuthAdmin))
	}
	return out
}

// Bucket returns the name of the project's bucket.
func (n Names) Bucket(prefix string) string { return prefix + n.ref }

// variables are what a migration's template knows.
type variables struct {
	Shared                           bool
	Anon, Authenticated, ServiceRole string
	Owner, Admin, Storage            string
	OwnerGroup                       string
	AuthAdmin                        string
	SessionRef, MyRef                string
	schemaPrefix                     string
}

const sessionRef = "split_part(session_user, '_', 1)"

func (n Names) variables() variables {
	v := variables{
		Shared: n.shared,
		Anon:   pg.Ident(n.Role(Anon)), Authenticated: pg.Ident(n.Role(Authenticated)), ServiceRole: pg.Ident(n.Role(ServiceRole)),
		Owner: pg.Ident(n.Owner()), Admin: pg.Ident(n.Admin()), Storage: pg.Ident(n.Storage()), OwnerGroup: ownerGroup, AuthAdmin: pg.Ident(n.Role(AuthAdmin)),
		SessionRef: "''", MyRef: "current_database()", schemaPrefix: n.SchemaPrefix(),
	}
	if n.shared {
		v.OwnerGroup, v.SessionRef, v.MyRef = pg.Ident(n.Owner()), sessionRef, sessionRef
	}
	return v
}

func templateVariables() variables {
	return variables{
		Anon: Anon, Authenticated: Authenticated, ServiceRole: ServiceRole, Owner: templateOwner, Admin: templateAdmin, Storage: templateStorage,
		OwnerGroup: ownerGroup, AuthAdmin: AuthAdmin, SessionRef: "''", MyRef: "current_database()",
	}
}

func sharedVariables() variables {
	return variables{Shared: true, SessionRef: sessionRef, MyRef: sessionRef}
}
