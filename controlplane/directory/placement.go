package directory

import (
	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/controlplane/store"
	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/layout"
)

// placement says where a project lives and how to log in.
func placement(row store.SnapshotProjectRow, secrets project.Secrets) (*directoryv1.Placement, error) {
	p := row.Project
	names := layout.Of(p.Ref, p.Isolation == "schema")
	login := func(user, password string) *directoryv1.Login {
		return &directoryv1.Login{User: user, Password: password}
	}
	out := &directoryv1.Placement{
		Host: row.ClusterHost, Port: row.ClusterPort, SslMode: row.ClusterSslMode,
		Database: names.Database(), Shared: names.Shared(), SchemaPrefix: names.SchemaPrefix(), RolePrefix: names.RolePrefix(),
		Authenticator: login(names.Authenticator(), secrets.AuthenticatorPassword),
		Admin:         login(names.Admin(), secrets.AdminPassword),
		Owner:         login(names.Owner(), secrets.OwnerPassword),
		Bucket:        p.Bucket,
	}
	if p.MigrationVersion < layout.StorageVersion { // workers use the admin until then
		return out, nil
	}
	password, err := secrets.StoragePassword()
	if err != nil {
		return nil, err
	}
	out.Storage = login(names.Storage(), password)
	return out, nil
}
