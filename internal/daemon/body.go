package daemon

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"
)

// maxFirst is how much of a stream's request is read before its handler runs, over HTTP/1.
const maxFirst = 64 << 10

// boundBodies ends the reading of bodies that take too long. The server's own ReadTimeout would do it too, but would also end
// every HTTP/1 stream of answers after that time.
func boundBodies(timeout time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(time.Now().Add(timeout)) // not every writer has a connection, in tests
		body := &boundBody{ReadCloser: r.Body, whole: func() { _ = control.SetReadDeadline(time.Time{}) }}
		r.Body = body
		if r.ProtoMajor == 1 && isStream(r) {
			// A handler may answer without having read to the end; then nothing would lift the deadline from the stream.
			first, err := io.ReadAll(io.LimitReader(body, maxFirst))
			if err != nil {
				http.Error(w, "The request's body did not arrive in time.", http.StatusRequestTimeout)
				return
			}
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(bytes.NewReader(first), body), body}
		}
		next.ServeHTTP(w, r)
	})
}

// boundBody tells once when it has been read to its end.
type boundBody struct {
	io.ReadCloser
	whole func()
}

// Read reads on.
func (b *boundBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) && b.whole != nil {
		b.whole()
		b.whole = nil
	}
	return n, err
}
