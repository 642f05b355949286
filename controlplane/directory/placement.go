package directory

import (
	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/controlplane/store"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
)

// placement says where a project lives and how to log in.
func placement(row store.SnapshotProjectRow, secrets project.Secrets) *directoryv1.Placement {
	p := row.Project
	login := func(kind, password string) *directoryv1.Login {
		return &directoryv1.Login{User: p.Ref + "_" + kind, Password: password}
	}
	out := &directoryv1.Placement{
		Host: row.ClusterHost, Port: row.ClusterPort, SslMode: row.ClusterSslMode,
		Database: p.DatabaseName, Shared: p.Isolation == "schema", Bucket: p.Bucket,
		Authenticator: login("authenticator", secrets.AuthenticatorPassword),
		Admin:         login("admin", secrets.AdminPassword),
		Owner:         login("owner", secrets.OwnerPassword),
	}
	if out.Shared {
		out.SchemaPrefix, out.RolePrefix = p.Ref+"_", p.Ref+"_"
	}
	return out
}
