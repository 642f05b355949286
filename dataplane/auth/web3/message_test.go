package web3

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const typical = "app.example.com wants you to sign in with your Ethereum account:\n0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed\n\nHi\n\n" +
	"URI: https://app.example.com/\nVersion: 1\nChain ID: 1\nNonce: 12345678\nIssued At: 2026-01-01T00:00:00Z\nResources:\n- https://a.example"

func FuzzParse(f *testing.F) {
	f.Add(typical)
	f.Add(strings.Replace(typical, "Hi\n", "", 1))
	f.Add(strings.Replace(typical, "Hi\n\n", "", 1))
	f.Add(strings.Repeat("\n", 100))
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parse(text, "Ethereum")
		if err != nil {
			return
		}
		require.NotNil(t, m.uri)
		require.False(t, m.issued.IsZero())
		require.Equal(t, "1", m.version)
		require.NotContains(t, m.statement, "\n")
		require.True(t, strings.HasPrefix(text, m.domain) || strings.HasPrefix(text, m.scheme+"://"+m.domain))
	})
}

func TestChecksumOfEIP55(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359", "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB"} {
		require.Equal(t, address, checksummed(strings.ToLower(address)))
	}
}

func TestBase58(t *testing.T) {
	t.Parallel()
	require.Equal(t, make([]byte, 32), base58(strings.Repeat("1", 32)), "the system program")
	require.Nil(t, base58(strings.Repeat("0", 32)))
	require.Nil(t, base58(""))
	require.Nil(t, base58(strings.Repeat("z", 45)))
}
