package standalone_test

import (
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/require"
)

func token(t *testing.T, claims string) string {
	t.Helper()
	out, err := jws.Sign([]byte(claims), jws.WithKey(jwa.HS256, []byte(secret)))
	require.NoError(t, err)
	return string(out)
}
