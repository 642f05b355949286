package egress_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/egress"
)

func TestWhatMayBeReached(t *testing.T) {
	t.Parallel()
	g := egress.NewGuard(nil)
	for _, a := range []string{"1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::1"} {
		require.True(t, g.Allows(netip.MustParseAddr(a)), a)
	}
	for _, a := range []string{
		"127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "0.1.2.3", "100.64.0.1", "198.18.0.1",
		"224.0.0.1", "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
		"64:ff9b::7f00:1", "2002:7f00:1::1", "2002:a9fe:a9fe::", "2001:db8::1", "2001::1",
	} {
		require.False(t, g.Allows(netip.MustParseAddr(a)), a)
	}
	loopback := egress.NewGuard([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
	require.True(t, loopback.Allows(netip.MustParseAddr("127.0.0.1")))
	require.True(t, loopback.Allows(netip.MustParseAddr("::ffff:127.0.0.1")))
	require.False(t, loopback.Allows(netip.MustParseAddr("10.0.0.1")))
}

func TestAClientReachesNothingInside(t *testing.T) {
	t.Parallel()
	reached := make(chan string, 10)
	inside := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reached <- r.URL.Path }))
	t.Cleanup(inside.Close)
	get := func(g *egress.Guard, address string) error {
		answer, err := g.Client(5 * time.Second).Get(address)
		if err == nil {
			require.NoError(t, answer.Body.Close())
		}
		return err
	}
	closed := egress.NewGuard(nil)
	port := inside.URL[strings.LastIndexByte(inside.URL, ':'):]
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"} {
		require.ErrorIs(t, get(closed, "http://"+host+port+"/"), egress.ErrForbidden, host)
	}
	// A redirect is judged like a first request: this one leads from an allowed address to one that is not.
	outside := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1"+port+"/redirected", http.StatusFound)
	}))
	require.NoError(t, outside.Listener.Close())
	listener, err := listen("127.0.0.2:0")
	require.NoError(t, err)
	outside.Listener = listener
	outside.Start()
	t.Cleanup(outside.Close)
	one := egress.NewGuard([]netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")})
	require.ErrorIs(t, get(one, outside.URL), egress.ErrForbidden)
	require.Empty(t, reached)
	require.NoError(t, get(egress.NewGuard([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}), outside.URL))
	require.Equal(t, "/redirected", <-reached)
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	closed, loopback := egress.NewGuard(nil), egress.NewGuard([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
	require.NoError(t, closed.CheckURL("https://hooks.example.com/x"))
	require.NoError(t, loopback.CheckURL("http://localhost:9000/x"))
	for _, bad := range []string{"", "hooks.example.com", "http://hooks.example.com", "http://127.0.0.1/", "ftp://x/", "https://a:b@x/", "file:///etc/passwd", "gopher://x"} {
		require.Error(t, closed.CheckURL(bad), bad)
	}
	_, err := egress.Read(strings.NewReader("12345"), 4)
	require.ErrorIs(t, err, egress.ErrTooLarge)
}

func listen(address string) (net.Listener, error) {
	return net.Listen("tcp", address)
}
