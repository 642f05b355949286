package sigv4

import (
	"crypto/md5"  //nolint:gosec // clients send it to find broken transfers
	"crypto/sha1" //nolint:gosec // as md5
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strings"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// nvme is the polynomial of CRC-64/NVME, reflected as package crc64 takes it.
var nvme = crc64.MakeTable(0x9a6c9329ac4bc9b5)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksums are the algorithms by the name of their header.
var checksums = map[string]func() hash.Hash{
	"x-amz-checksum-crc32":     func() hash.Hash { return crc32.NewIEEE() },
	"x-amz-checksum-crc32c":    func() hash.Hash { return crc32.New(castagnoli) },
	"x-amz-checksum-crc64nvme": func() hash.Hash { return crc64.New(nvme) },
	"x-amz-checksum-sha1":      sha1.New,
	"x-amz-checksum-sha256":    sha256.New,
}

// about are headers that speak of checksums and are none.
var about = map[string]bool{"x-amz-checksum-algorithm": true, "x-amz-checksum-mode": true, "x-amz-checksum-type": true}

// digest is a sum that a body must have. The sum of a trailer is known at the body's end only.
type digest struct {
	name string // the header's
	hash hash.Hash
	want []byte
}

func (d *digest) read(value string) error {
	want, err := base64.StdEncoding.DecodeString(value)
	if err != nil || len(want) != d.hash.Size() {
		if d.name == "content-md5" {
			return fault.New(fault.Invalid, "INVALID_DIGEST", "The Content-MD5 you specified was invalid.")
		}
		return invalid("Value for %s header is invalid.", d.name)
	}
	d.want = want
	return nil
}

func (d *digest) verify() error {
	if d.want == nil {
		return fault.New(fault.Invalid, "MALFORMED_TRAILER_ERROR", "The request contained trailing data that was not well-formed or did not conform to our published schema.")
	}
	if subtle.ConstantTimeCompare(d.want, d.hash.Sum(nil)) == 1 {
		return nil
	}
	if d.name == "content-md5" || d.name == "x-amz-content-sha256" {
		return fault.New(fault.Invalid, "BAD_DIGEST", "The Content-MD5 you specified did not match what we received.")
	}
	return fault.New(fault.Invalid, "BAD_DIGEST", "The %s you specified did not match what we received.", strings.ToUpper(strings.TrimPrefix(d.name, "x-amz-checksum-")))
}

// headerDigests are the sums that the headers name, and the one that the trailer will.
func headerDigests(h http.Header, trailer string) ([]*digest, error) {
	var out []*digest
	if value := h.Get("Content-Md5"); value != "" {
		out = append(out, &digest{name: "content-md5", hash: md5.New()}) //nolint:gosec // as above
		if err := out[0].read(value); err != nil {
			return nil, err
		}
	}
	found := trailer != ""
	for name, values := range h {
		lower := strings.ToLower(name)
		if !strings.HasPrefix(lower, "x-amz-checksum-") || about[lower] {
			continue
		}
		algorithm, known := checksums[lower]
		switch {
		case !known:
			return nil, invalid("The checksum %.50q is not known; use CRC32, CRC32C, CRC64NVME, SHA1 or SHA256.", lower)
		case found:
			return nil, invalid("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
		}
		found = true
		d := &digest{name: lower, hash: algorithm()}
		if err := d.read(values[0]); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	if trailer != "" {
		algorithm, known := checksums[trailer]
		if !known {
			return nil, invalid("The value specified in the x-amz-trailer header is not supported")
		}
		out = append(out, &digest{name: trailer, hash: algorithm()})
	}
	return out, nil
}
