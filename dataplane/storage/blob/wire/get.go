package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// Get reads an object, or the range of it that the header Range names.
func (c *Client) Get(ctx context.Context, bucket, key, span string) (io.ReadCloser, error) {
	header := map[string]string{}
	if span != "" {
		header["Range"] = span
	}
	r, err := c.request(ctx, http.MethodGet, bucket, key, header)
	if err != nil {
		return nil, err
	}
	for {
		k := c.idle.take(r.URL.Host)
		kept := k != nil
		if !kept {
			if k, err = c.dial(ctx, r.URL.Host); err != nil {
				return nil, err
			}
		}
		body, err := c.get(ctx, k, r, kept)
		if err == nil {
			return body, nil
		}
		if !kept || !errors.Is(err, errStale) || ctx.Err() != nil {
			return nil, err
		}
	}
}

func (c *Client) get(ctx context.Context, k *conn, r *http.Request, kept bool) (_ io.ReadCloser, err error) {
	stop := context.AfterFunc(ctx, func() { _ = k.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if err != nil {
			stop()
			_ = k.Close()
		}
	}()
	_ = k.SetWriteDeadline(time.Now().Add(waitTime))
	if _, err := k.Write(head(r, -1)); err != nil {
		if kept {
			return nil, errors.Join(errStale, err)
		}
		return nil, err
	}
	response, err := k.answer(r, kept) //nolint:bodyclose // the connection is read instead, and given back by body.Close
	if err != nil {
		return nil, err
	}
	if response.ContentLength < 0 {
		return nil, errors.New("wire: the store did not tell how long the object is")
	}
	return &body{client: c, conn: k, left: response.ContentLength, again: !response.Close, stop: stop, ctx: ctx}, nil
}

// body is an object on its way.
type body struct {
	client *Client
	conn   *conn
	left   int64
	again  bool
	stop   func() bool
	ctx    context.Context //nolint:containedctx // of the request that the body belongs to
	closed bool
}

var _ io.WriterTo = (*body)(nil)

// Read reads on.
func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	b.patient()
	n, err := b.conn.read.Read(p)
	b.left -= int64(n)
	return n, b.ended(err)
}

// Left is how many bytes are still to come, by what the store said.
func (b *body) Left() int64 { return b.left }

// patient waits for the next bytes only so long.
func (b *body) patient() {
	if b.ctx.Err() == nil {
		_ = b.conn.SetReadDeadline(time.Now().Add(b.client.wait))
	}
}

func (b *body) ended(err error) error {
	switch {
	case err == nil:
		return nil
	case b.ctx.Err() != nil:
		return context.Cause(b.ctx)
	case errors.Is(err, io.EOF) && b.left > 0:
		return io.ErrUnexpectedEOF
	}
	return err
}

// step is how many bytes go from socket to socket before the deadlines are looked at.
const step = 1 << 20

// WriteTo writes all of it. Where w can take it from the connection itself, the bytes do not leave the kernel.
func (b *body) WriteTo(w io.Writer) (total int64, err error) {
	if n := min(int64(b.conn.read.Buffered()), b.left); n > 0 {
		held, err := b.conn.read.Peek(int(n))
		if err != nil {
			return 0, err
		}
		written, err := w.Write(held)
		_, _ = b.conn.read.Discard(written)
		b.left -= int64(written)
		total += int64(written)
		if err != nil {
			return total, err
		}
	}
	to, ok := w.(io.ReaderFrom)
	socket, plain := b.conn.Conn.(*net.TCPConn)
	if !ok || !plain {
		n, err := io.Copy(w, struct{ io.Reader }{b})
		return total + n, err
	}
	pace := pace{socket: socket, bytes: 1}
	for b.left > 0 {
		b.patient()
		began := time.Now()
		n, err := to.ReadFrom(&io.LimitedReader{R: socket, N: min(step, b.left)})
		b.left -= n
		total += n
		if pace.late(err) {
			continue
		}
		pace.next(b.left, n == step && time.Since(began) < brisk)
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return total, b.ended(err)
		}
	}
	return total, nil
}

// brisk is how long a step may take of an object that comes so fast that its bytes may be waited for in batches.
const brisk = 250 * time.Millisecond

// pace is how many bytes of an object are waited for at once.
type pace struct {
	socket *net.TCPConn
	bytes  int
}

// next takes whole steps at once while they come fast and enough is left, so that what is waited for does come.
func (p *pace) next(left int64, fast bool) {
	if fast && left >= 2*step {
		p.set(step)
	} else {
		p.set(1)
	}
}

func (p *pace) set(bytes int) {
	if p.bytes != bytes && batch(p.socket, bytes) == nil {
		p.bytes = bytes
	}
}

// late reports whether bytes were waited for in vain in a batch: then each is taken as it comes, as a slow store's always are.
func (p *pace) late(err error) bool {
	if p.bytes == 1 || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	p.set(1)
	return p.bytes == 1
}

// Close gives the connection back, or ends it where not all was read.
func (b *body) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	if !b.stop() || b.left > 0 || !b.again || b.conn.read.Buffered() > 0 {
		return b.conn.Conn.Close()
	}
	_ = b.conn.SetDeadline(time.Time{})
	b.client.idle.put(b.conn)
	return nil
}
