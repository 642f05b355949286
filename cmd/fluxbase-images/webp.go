//go:build vips && cgo

package main

import "encoding/binary"

// The flags of a WebP file's header that tell of chunks beside the picture.
const (
	webpICC  = 0x20
	webpEXIF = 0x08
	webpXMP  = 0x04
)

// bareWebP takes out of a WebP file what is not the picture: some versions of libvips write EXIF whatever they are told. A file of another
// form is returned as it is.
func bareWebP(raw []byte) []byte {
	const head = 12 // RIFF, size, WEBP
	if len(raw) < head+8+10 || string(raw[head:head+4]) != "VP8X" {
		return raw
	}
	out := append(make([]byte, 0, len(raw)), raw[:head]...)
	for at := head; at+8 <= len(raw); {
		size := int(binary.LittleEndian.Uint32(raw[at+4:]))
		next := at + 8 + size + size&1
		if size < 0 || next > len(raw) {
			return raw
		}
		switch string(raw[at : at+4]) {
		case "ICCP", "EXIF", "XMP ":
		case "VP8X":
			from := len(out)
			out = append(out, raw[at:next]...)
			out[from+8] &^= webpICC | webpEXIF | webpXMP
		default:
			out = append(out, raw[at:next]...)
		}
		at = next
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out
}
