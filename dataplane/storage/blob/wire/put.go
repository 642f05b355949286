package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// chunks are what bodies are copied by, large what those are copied by that are larger than a chunk: the fewer times the kernel is asked, the better.
var (
	chunks = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}
	large  = sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }}
)

// maxDrain is how much of an answer to an upload is read, so that its connection can be used again.
const maxDrain = 4 << 10

// Put writes an object of a known size, and returns its ETag without quotes. A body that can be read from its beginning again (an io.Seeker) is sent
// again where the store had closed a connection that was kept.
func (c *Client) Put(ctx context.Context, bucket, key string, body io.Reader, size int64, mime string) (string, error) {
	return c.write(ctx, bucket, key, body, size, map[string]string{"Content-Type": mime})
}

func (c *Client) write(ctx context.Context, bucket, key string, body io.Reader, size int64, header map[string]string) (string, error) {
	r, err := c.request(ctx, http.MethodPut, bucket, key, header)
	if err != nil {
		return "", err
	}
	again, seekable := body.(io.Seeker)
	for {
		k := c.idle.take(r.URL.Host)
		kept := k != nil
		if !kept {
			if k, err = c.dial(ctx, r.URL.Host); err != nil {
				return "", err
			}
		}
		etag, err := c.put(ctx, k, r, body, size, kept)
		if err == nil {
			return etag, nil
		}
		if !kept || !errors.Is(err, errStale) || ctx.Err() != nil || !seekable && size > 0 {
			return "", err
		}
		if size > 0 {
			if _, err := again.Seek(0, io.SeekStart); err != nil {
				return "", err
			}
		}
	}
}

func (c *Client) put(ctx context.Context, k *conn, r *http.Request, body io.Reader, size int64, kept bool) (_ string, err error) {
	stop := context.AfterFunc(ctx, func() { _ = k.SetDeadline(time.Unix(1, 0)) })
	reusable := false
	defer func() {
		if stopped := stop(); stopped && reusable {
			_ = k.SetDeadline(time.Time{})
			c.idle.put(k)
			return
		}
		_ = k.Close()
	}()
	read, sent := send(ctx, k, head(r, size), body, size)
	if read != nil { // the client's side: half an object must not look whole
		return "", read
	}
	if sent != nil && kept {
		return "", errors.Join(errStale, sent)
	}
	// A store that refuses may answer before it has taken everything.
	response, err := k.answer(r, kept) //nolint:bodyclose // read to its end below, or its connection is closed
	if err != nil {
		return "", errors.Join(sent, err)
	}
	if sent != nil {
		return "", sent
	}
	n, err := io.Copy(io.Discard, io.LimitReader(response.Body, maxDrain))
	reusable = err == nil && n < maxDrain && !response.Close
	return strings.Trim(response.Header.Get("ETag"), `"`), nil
}

// send writes the head and the body, and tells which side failed.
func send(ctx context.Context, k *conn, head []byte, body io.Reader, size int64) (read, sent error) {
	pool := &chunks
	if size > 64<<10 {
		pool = &large
	}
	chunk := pool.Get().(*[]byte)
	defer pool.Put(chunk)
	n := copy(*chunk, head) // with the first bytes of the body
	for left := size; ; {
		for n < len(*chunk) && left > 0 {
			m, err := body.Read((*chunk)[n:min(int64(len(*chunk)), int64(n)+left)])
			n += m
			left -= int64(m)
			if err != nil && left > 0 {
				if errors.Is(err, io.EOF) {
					err = fmt.Errorf("the body ended %d bytes too early: %w", left, io.ErrUnexpectedEOF)
				}
				return err, nil
			}
			if m > 0 && n >= len(*chunk)/2 {
				break
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx), nil
		}
		_ = k.SetWriteDeadline(time.Now().Add(waitTime))
		if _, err := k.Write((*chunk)[:n]); err != nil {
			return nil, err
		}
		if n = 0; left == 0 {
			return nil, nil
		}
	}
}
