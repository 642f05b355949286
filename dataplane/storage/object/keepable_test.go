package object_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/object"
)

func TestMetadataThatTheDatabaseCannotKeep(t *testing.T) {
	t.Parallel()
	for _, good := range []string{`{}`, `{"a":"\\u0000"}`, `{"a":"\ud83d\ude00"}`, `{"\u00e9":"\\"}`, `{"a":"😀"}`, `{"a":"\\\\ud800"}`} {
		require.NoError(t, object.CheckUserMetadata([]byte(good)), good)
	}
	for _, bad := range []string{`{"a":"\u0000"}`, `{"\u0000":1}`, `{"a":"\ud800"}`, `{"a":"\udc00"}`, `{"a":"\ud800\u0041"}`, `{"a":"\ud800x"}`, `{"a":"\\\ud800"}`, `{"a":"\ude00\ud83d"}`, `{"a":"\ud83d\ude00\ud83d"}`} {
		require.Error(t, object.CheckUserMetadata([]byte(bad)), bad)
	}
}
