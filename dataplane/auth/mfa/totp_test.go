package mfa

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/boombuler/barcode/qr"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/auth/store"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// The picture is the code, module by module.
func TestPicture(t *testing.T) {
	t.Parallel()
	const content = "otpauth://totp/app.example.com:ada@example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	drawn, err := picture(content)
	require.NoError(t, err)
	code, err := qr.Encode(content, qr.M, qr.Auto)
	require.NoError(t, err)
	size := code.Bounds().Dx()
	got := map[[2]int]bool{}
	for _, run := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`).FindAllStringSubmatch(drawn, -1) {
		var n [4]int
		for i := range n {
			n[i], _ = strconv.Atoi(run[i+1])
		}
		require.Equal(t, n[2], n[3])
		for x := n[0]; x < n[0]+n[2]; x++ {
			got[[2]int{x - 4, n[1] - 4}] = true
		}
	}
	for y := range size {
		for x := range size {
			r, _, _, _ := code.At(x, y).RGBA()
			require.Equal(t, r == 0, got[[2]int{x, y}], "%d %d", x, y)
		}
	}
}

// RFC 6238, appendix B, cut to six digits.
func TestStep(t *testing.T) {
	t.Parallel()
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	for seconds, code := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		at := time.Unix(seconds, 0)
		got, err := step(secret, code, 0, at)
		require.NoError(t, err)
		require.Equal(t, seconds/30, got)
		for _, ahead := range []int64{-30, 30} {
			got, err = step(secret, code, 0, at.Add(time.Duration(ahead)*time.Second))
			require.NoError(t, err)
			require.Equal(t, seconds/30, got, "one step before and after")
		}
		for _, ahead := range []int64{-60, 60} {
			if seconds+ahead < 0 {
				continue
			}
			got, err = step(secret, code, 0, at.Add(time.Duration(ahead)*time.Second))
			require.NoError(t, err)
			require.Zero(t, got, "and no more")
		}
		got, err = step(secret, code, seconds/30, at)
		require.NoError(t, err)
		require.Zero(t, got, "once")
	}
	_, err := step("not base32!", "123456", 0, time.Now())
	require.Error(t, err)
}

func TestAddressesOfSecrets(t *testing.T) {
	t.Parallel()
	values := setting.Decode(map[string]string{"auth.site_url": `"https://app.example.com:8443/x"`})
	key, err := newSecret(values, &store.User{Phone: "31600000000"}, "")
	require.NoError(t, err)
	require.Equal(t, "app.example.com", key.Issuer())
	require.Equal(t, "31600000000", key.AccountName())
	require.Len(t, key.Secret(), 32)
	key, err = newSecret(values, &store.User{Email: "a@b.c"}, "My App")
	require.NoError(t, err)
	require.Equal(t, "My App", key.Issuer())
	require.NotContains(t, key.URL(), " ")
}
