package job

import (
	"bytes"
	"encoding/binary"
)

// Source is what a file is by its first bytes, whatever its name or type says.
type Source string

// The sources that are read.
const (
	JPEG Source = "jpeg"
	PNG  Source = "png"
	GIF  Source = "gif"
	WEBP Source = "webp"
	TIFF Source = "tiff"
	HEIC Source = "heic"
	AV1F Source = "avif"
)

// Sniff tells the source, or "" for what is not read: SVG, PDF, BMP and all else.
func Sniff(b []byte) Source {
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xd8\xff")):
		return JPEG
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return PNG
	case bytes.HasPrefix(b, []byte("GIF87a")), bytes.HasPrefix(b, []byte("GIF89a")):
		return GIF
	case len(b) >= 16 && string(b[:4]) == "RIFF" && string(b[8:15]) == "WEBPVP8":
		return WEBP
	case bytes.HasPrefix(b, []byte("II*\x00")), bytes.HasPrefix(b, []byte("MM\x00*")):
		return TIFF
	case len(b) >= 16 && string(b[4:8]) == "ftyp":
		return sniffHEIF(b)
	}
	return ""
}

// sniffHEIF reads the brands of a file in the ISO base format.
func sniffHEIF(b []byte) Source {
	size := int(binary.BigEndian.Uint32(b))
	if size < 16 || size > 512 || size > len(b) {
		return ""
	}
	brands := []string{string(b[8:12])}
	for at := 16; at+4 <= size; at += 4 {
		brands = append(brands, string(b[at:at+4]))
	}
	found := Source("")
	for _, brand := range brands {
		switch brand {
		case "avif", "avis":
			return AV1F
		case "heic", "heix", "heim", "heis", "mif1", "msf1", "hevc", "hevx":
			found = HEIC
		}
	}
	return found
}

// Viewable tells whether every browser shows the source, so that "origin" keeps its format.
func (s Source) Viewable() bool { return s != TIFF && s != HEIC }
