package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/fault"
)

func TestFromHidesWhatIsNoFault(t *testing.T) {
	t.Parallel()
	cause := errors.New("password=hunter2")
	f := fault.From(cause)
	require.Equal(t, fault.Internal, f.Kind)
	require.NotContains(t, f.Message, "hunter2")
	require.ErrorIs(t, f, cause)
	require.Nil(t, fault.From(nil))
}

func TestFromFindsTheFault(t *testing.T) {
	t.Parallel()
	f := fault.New(fault.NotFound, "PROJECT_NOT_FOUND", "There is no project %q.", "x")
	require.Same(t, f, fault.From(fmt.Errorf("get project: %w", f)))
	require.Equal(t, `There is no project "x".`, f.Message)
	require.ErrorIs(t, fmt.Errorf("wrapped: %w", f), fault.New(fault.NotFound, "PROJECT_NOT_FOUND", ""))
	require.NotErrorIs(t, f, fault.New(fault.NotFound, "OTHER", ""))
}
