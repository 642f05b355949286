package rpc

import (
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
)

// Protovalidate tells people a pattern as it is; a rule in words is a cel expression with a message.
func TestNoRuleShowsItsPattern(t *testing.T) {
	t.Parallel()
	fields := 0
	protoregistry.GlobalFiles.RangeFilesByPackage("fluxbase.controlplane.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Messages().Len() {
			all := file.Messages().Get(i).Fields()
			for j := range all.Len() {
				rules, ok := proto.GetExtension(all.Get(j).Options(), validate.E_Field).(*validate.FieldRules)
				if !ok || rules == nil {
					continue
				}
				fields++
				for _, text := range []*validate.StringRules{rules.GetString(), rules.GetMap().GetKeys().GetString(), rules.GetRepeated().GetItems().GetString()} {
					require.Empty(t, text.GetPattern(), "%s", all.Get(j).FullName())
				}
			}
		}
		return true
	})
	require.Greater(t, fields, 20)
	err := protovalidate.Validate(&v1.CreateOrganizationRequest{Name: "Acme", Slug: "Acme Ltd"})
	require.ErrorContains(t, invalid(err), "The request is not valid: slug: must be 3 to 40 lower-case letters, digits and hyphens, with no hyphen at either end.")
}
