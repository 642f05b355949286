package rpc

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/wayli-app/fluxbase/controlplane/organization"
	_ "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
)

// TestEveryProcedureHasAPolicy walks the descriptors of every service: what is not in the table is refused, and fails here.
func TestEveryProcedureHasAPolicy(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	protoregistry.GlobalFiles.RangeFilesByPackage("fluxbase.controlplane.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				method := service.Methods().Get(j)
				procedure := "/" + string(service.FullName()) + "/" + string(method.Name())
				known[procedure] = true
				rule, ok := policy[procedure]
				require.Truef(t, ok, "%s has no policy", procedure)
				require.NotEqualf(t, nobody, rule.need, "%s may be called by nobody", procedure)
				if rule.need != member {
					continue
				}
				require.Truef(t, rule.least.Valid(), "%s names no role", procedure)
				fields := method.Input().Fields()
				named := fields.ByName("ref") != nil || fields.ByName("organization") != nil
				require.Truef(t, named, "%s needs a role in what its request does not name", procedure)
			}
		}
		return true
	})
	require.Greater(t, len(known), 40)
	for procedure := range policy {
		require.Truef(t, known[procedure], "%s is in the policy and nowhere else", procedure)
	}
}

func TestRolesIncludeThoseBelow(t *testing.T) {
	t.Parallel()
	order := []organization.Role{organization.Billing, organization.Viewer, organization.Developer, organization.Admin, organization.Owner}
	for i, has := range order {
		for j, needs := range order {
			require.Equal(t, i >= j, has.Includes(needs), "%s includes %s", has, needs)
		}
		require.False(t, organization.Role("").Includes(has))
		require.False(t, organization.Role("root").Includes(has))
	}
	require.False(t, organization.Role("").Includes(""))
}
