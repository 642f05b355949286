package wire

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"strconv"
	"strings"

	"github.com/aws/smithy-go"
)

// Bodies may go in chunks with a checksum at their end, as SDKs send them: the store then takes all of a body or nothing, and compares what it
// got with what was sent, at a part of MD5's price. https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
const (
	checkedPayload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	trailer        = "x-amz-checksum-crc32c"
	chunkSize      = 256 << 10
)

// Whether a store takes such bodies.
const (
	unknown int32 = iota
	yes
	no
)

// Checks reports whether the store checks bodies, which it finds out once, by a byte under the key that is about to be written.
func (c *Client) Checks(ctx context.Context, bucket, key string) bool {
	if state := c.checks.Load(); state != unknown {
		return state == yes
	}
	const probe, sum = "x", "9dd4e461268c8034f5c8564e155c67a6"
	etag, err := c.PutChecked(ctx, bucket, key, strings.NewReader(probe), int64(len(probe)), "text/plain")
	var refused smithy.APIError
	switch {
	case err == nil && etag == sum:
		c.checks.Store(yes)
		return true
	case err == nil, errors.As(err, &refused):
		c.checks.Store(no)
	}
	return false
}

// PutChecked is Put of a body that the store checks. Only one for whom Checks is true may be asked.
func (c *Client) PutChecked(ctx context.Context, bucket, key string, body io.Reader, size int64, mime string) (string, error) {
	framed := &frames{from: body, left: size, sum: crc32.New(castagnoli)}
	return c.write(ctx, bucket, key, framed, framedSize(size), map[string]string{
		"Content-Type": mime, "Content-Encoding": "aws-chunked", "X-Amz-Content-Sha256": checkedPayload, "X-Amz-Trailer": trailer,
		"X-Amz-Decoded-Content-Length": strconv.FormatInt(size, 10),
	})
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// framedSize is how long a body becomes.
func framedSize(size int64) int64 {
	frame := func(n int64) int64 { return int64(len(strconv.FormatInt(n, 16))) + 2 + n + 2 }
	total := size / chunkSize * frame(chunkSize)
	if rest := size % chunkSize; rest > 0 {
		total += frame(rest)
	}
	return total + int64(len("0\r\n"+trailer+":")+base64.StdEncoding.EncodedLen(crc32.Size)+len("\r\n\r\n"))
}

// frames reads a body in chunks, and its checksum after them.
type frames struct {
	from io.Reader
	left int64
	sum  hash.Hash32
	// ahead is what is to be read before more of the body, inside how much is left of the present chunk.
	ahead  []byte
	inside int64
	ended  bool
}

// Read reads on.
func (f *frames) Read(p []byte) (int, error) {
	if len(f.ahead) == 0 && f.inside == 0 {
		if f.ended {
			return 0, io.EOF
		}
		f.next()
	}
	if len(f.ahead) > 0 {
		n := copy(p, f.ahead)
		f.ahead = f.ahead[n:]
		return n, nil
	}
	if int64(len(p)) > f.inside {
		p = p[:f.inside]
	}
	n, err := f.from.Read(p)
	_, _ = f.sum.Write(p[:n])
	f.inside -= int64(n)
	f.left -= int64(n)
	if f.inside == 0 {
		f.ahead = []byte("\r\n")
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("the body ended %d bytes too early: %w", f.left, io.ErrUnexpectedEOF)
	}
	return n, err
}

// next begins a chunk, or ends the body.
func (f *frames) next() {
	if f.left > 0 {
		f.inside = min(chunkSize, f.left)
		f.ahead = []byte(strconv.FormatInt(f.inside, 16) + "\r\n")
		return
	}
	f.ended = true
	f.ahead = []byte("0\r\n" + trailer + ":" + base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, f.sum.Sum32())) + "\r\n\r\n")
}
