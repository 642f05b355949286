package native

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/object"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// FuzzReadForm holds that forms of strangers are read or refused, and a file found in one is the file that Go's own reader finds.
func FuzzReadForm(f *testing.F) {
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	f.Add(crlf("--x\nContent-Disposition: form-data; name=\"cacheControl\"\n\n3600\n--x\nContent-Disposition: form-data; name=\"\"; filename=\"blob\"\nContent-Type: a/b\n\nfile\n--x--\n"))
	f.Add(crlf("--x\nContent-Disposition: form-data; name=\"metadata\"\n\n{}\n--x--\n"))
	f.Add(crlf("--x\nContent-Disposition: form-data; filename*=UTF-8''%ff; name=\"f\"\n\nfile\n--x"))
	f.Add("--x")
	f.Fuzz(func(t *testing.T, text string) {
		r := &http.Request{Header: http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}, Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text))}
		var target object.Target
		file, _, err := read(r, &target)
		if err != nil {
			require.NotEqual(t, fault.Internal, fault.From(err).Kind)
			return
		}
		require.EqualValues(t, -1, target.Size)
		content, err := io.ReadAll(file)
		if err != nil {
			return
		}
		form, err := multipart.NewReader(strings.NewReader(text), "x").ReadForm(1 << 20)
		if err != nil { // what follows the file is not read
			return
		}
		defer func() { require.NoError(t, form.RemoveAll()) }()
		for _, files := range form.File {
			for _, one := range files {
				open, err := one.Open()
				require.NoError(t, err)
				same, err := io.ReadAll(open)
				require.NoError(t, err)
				require.NoError(t, open.Close())
				if bytes.Equal(same, content) {
					return
				}
			}
		}
		require.Empty(t, form.File, "another file was taken")
	})
}
