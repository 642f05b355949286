package egress_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/egress"
)

func TestSignatures(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "whsec_abc", "v1,whsec_%%%", "v1,whsec_c2VjcmV0IGE=|"} {
		require.Error(t, egress.Sign(http.Header{}, bad, "id", time.Unix(0, 0), nil), bad)
	}
	// The example of the specification.
	h := http.Header{}
	require.NoError(t, egress.Sign(h, "v1,whsec_plJ3nmyCDGBKInavdOK15jsl", "msg_loFOjxBNrRLzqYUf", time.Unix(1731705121, 0), []byte(`{"event_type":"ping","data":{"success":true}}`)))
	require.Equal(t, "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=", h.Get("Webhook-Signature"))
}
