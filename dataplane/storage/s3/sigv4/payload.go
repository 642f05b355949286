package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// What x-amz-content-sha256 says instead of a hash.
const (
	unsignedPayload  = "UNSIGNED-PAYLOAD"
	streamSigned     = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	streamTrailer    = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	streamUnsigned   = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	awsChunked       = "aws-chunked"
	headerDecoded    = "X-Amz-Decoded-Content-Length"
	headerTrailer    = "X-Amz-Trailer"
	contentEncodings = "Content-Encoding"
)

// Body is a request's body, decoded. Its last byte comes only when all of it was found to be what was signed and summed: whoever waits for
// Size bytes never gets a forged one whole.
type Body struct {
	// Size is how many bytes will come.
	Size int64

	from    io.Reader
	stream  *chunks // the decoder, for streamed bodies
	digests []*digest
	left    int64
	held    [1]byte // the last byte, while the end is being judged
	err     error
}

// Body decodes a verified request's body. It needs the length: S3 takes none of unknown length.
func (s *Signature) Body() (*Body, error) {
	if s.key == nil {
		return nil, ErrMismatch
	}
	r := s.request
	b := &Body{Size: r.ContentLength, from: r.Body}
	signed, trailing := s.payload == streamSigned || s.payload == streamTrailer, s.payload == streamTrailer || s.payload == streamUnsigned
	streaming := signed || s.payload == streamUnsigned
	switch {
	case s.Presigned && streaming:
		return nil, invalid("A presigned request's body cannot be streamed in chunks.")
	case streaming:
		decoded, err := strconv.ParseInt(r.Header.Get(headerDecoded), 10, 64)
		if err != nil || decoded < 0 {
			return nil, fault.New(fault.FailedPrecondition, "MISSING_CONTENT_LENGTH", "You must provide the x-amz-decoded-content-length HTTP header.")
		}
		if r.ContentLength >= 0 && decoded > r.ContentLength {
			return nil, fault.New(fault.Invalid, "INCOMPLETE_BODY", "The body is shorter than x-amz-decoded-content-length says.")
		}
		b.Size = decoded
	case r.ContentLength < 0:
		return nil, fault.New(fault.FailedPrecondition, "MISSING_CONTENT_LENGTH", "You must provide the Content-Length HTTP header.")
	}
	trailer := ""
	if trailing {
		trailer = strings.ToLower(strings.TrimSpace(r.Header.Get(headerTrailer)))
	} else if r.Header.Get(headerTrailer) != "" {
		return nil, invalid("The value of x-amz-content-sha256 does not announce a trailer.")
	}
	var err error
	if b.digests, err = headerDigests(r.Header, trailer); err != nil {
		return nil, err
	}
	switch {
	case streaming:
		b.stream = newChunks(r.Body, b.Size, signed, trailing)
		if signed {
			b.stream.sign(s)
		}
		if trailer != "" {
			b.stream.trailer, b.stream.digest = trailer, b.digests[len(b.digests)-1]
		}
		b.from = b.stream
	case s.payload != unsignedPayload:
		want, err := hex.DecodeString(s.payload)
		if err != nil || len(want) != sha256.Size {
			return nil, fault.New(fault.Invalid, "INVALID_ARGUMENT",
				"x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.")
		}
		b.digests = append(b.digests, &digest{name: "x-amz-content-sha256", hash: sha256.New(), want: want})
	}
	b.left = b.Size
	return b, nil
}

// Read reads on. Before the last byte it judges the whole.
func (b *Body) Read(p []byte) (int, error) {
	switch {
	case b.err != nil:
		return 0, b.err
	case len(p) == 0:
		return 0, nil
	case b.left <= 1:
		if b.err = b.finish(); b.err != nil {
			return 0, b.err
		}
		n := copy(p, b.held[:b.left])
		b.left, b.err = 0, io.EOF
		if n > 0 {
			return n, nil
		}
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), b.left-1)]
	n, err := b.from.Read(p)
	b.add(p[:n])
	if b.left -= int64(n); err != nil {
		b.err = b.broken(err)
		return n, b.err
	}
	return n, nil
}

func (b *Body) add(p []byte) {
	for _, d := range b.digests {
		_, _ = d.hash.Write(p)
	}
}

// broken says what an end before the end, or another failure, means.
func (b *Body) broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.Wrap(err, fault.Invalid, "INCOMPLETE_BODY", "You did not provide the number of bytes specified by the Content-Length HTTP header.")
	}
	return err
}

// finish reads what is left, and judges.
func (b *Body) finish() error {
	if b.left == 1 {
		if _, err := io.ReadFull(b.from, b.held[:]); err != nil {
			return b.broken(err)
		}
		b.add(b.held[:])
	}
	if b.stream != nil {
		if err := b.stream.end(); err != nil {
			return b.broken(err)
		}
	}
	for _, d := range b.digests {
		if err := d.verify(); err != nil {
			if d.name == "x-amz-content-sha256" {
				return fault.New(fault.Invalid, "X_AMZ_CONTENT_SHA256_MISMATCH", "The provided 'x-amz-content-sha256' header does not match what was computed.")
			}
			return err
		}
	}
	return nil
}

// Sums are the checksums of a body that was read to its end, by their headers' names.
func (b *Body) Sums() map[string][]byte {
	out := map[string][]byte{}
	for _, d := range b.digests {
		if checksums[d.name] != nil {
			out[d.name] = d.hash.Sum(nil)
		}
	}
	return out
}

// ContentEncoding is the encoding of what is stored: without that of the chunks.
func (s *Signature) ContentEncoding() string {
	var kept []string
	for one := range strings.SplitSeq(s.request.Header.Get(contentEncodings), ",") {
		if one = strings.TrimSpace(one); one != "" && !strings.EqualFold(one, awsChunked) {
			kept = append(kept, one)
		}
	}
	return strings.Join(kept, ",")
}
