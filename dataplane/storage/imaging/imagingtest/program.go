// Package imagingtest builds the program for images for tests, and makes images to feed it.
package imagingtest

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

var build = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "fluxbase-images-test-")
	if err != nil {
		return "", err
	}
	// Left for the system to clear away: every test of the process uses it.
	program := filepath.Join(folder, "fluxbase-images")
	out, err := exec.Command("go", "build", "-tags", "vips", "-o", program, "github.com/wayli-app/fluxbase/cmd/fluxbase-images").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build fluxbase-images (scripts/deps.sh vips installs what it needs): %w\n%s", err, out)
	}
	return program, nil
})

// Program builds the program once for all tests of a process, and returns its path.
func Program(t testing.TB) string {
	t.Helper()
	program, err := build()
	require.NoError(t, err)
	return program
}

// Photo makes a picture with as much detail as a photograph: it does not compress to nothing.
func Photo(width, height int) image.Image {
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	seed := uint32(1)
	for y := range height {
		for x := range width {
			seed = seed*1664525 + 1013904223
			noise := uint8(seed>>24) >> 4
			out.SetRGBA(x, y, color.RGBA{R: uint8(x*255/width)&^15 | noise, G: uint8(y*255/height)&^15 | noise, B: uint8((x^y)&0xF0) | noise, A: 255})
		}
	}
	return out
}

// Halves makes a picture that is red on the left and blue on the right.
func Halves(width, height int) image.Image {
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.RGBA{R: 250, A: 255}
			if x >= width/2 {
				c = color.RGBA{B: 250, A: 255}
			}
			out.SetRGBA(x, y, c)
		}
	}
	return out
}

// JPEG encodes a picture.
func JPEG(t testing.TB, of image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, of, &jpeg.Options{Quality: 90}))
	return b.Bytes()
}

// PNG encodes a picture.
func PNG(t testing.TB, of image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, of))
	return b.Bytes()
}

// Chunk is a part of a PNG file.
func Chunk(kind string, data []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	out = append(append(out, kind...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// Deflate compresses as PNG does.
func Deflate(data []byte) []byte {
	var b bytes.Buffer
	w, _ := zlib.NewWriterLevel(&b, zlib.BestCompression)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

// PNGOf makes a PNG file of grey pixels that says it has this size, with chunks before its data, and with data.
func PNGOf(width, height int, before [][]byte, data []byte) []byte {
	header := binary.BigEndian.AppendUint32(nil, uint32(width))
	header = append(binary.BigEndian.AppendUint32(header, uint32(height)), 8, 0, 0, 0, 0)
	out := append([]byte("\x89PNG\r\n\x1a\n"), Chunk("IHDR", header)...)
	for _, chunk := range before {
		out = append(out, chunk...)
	}
	out = append(out, Chunk("IDAT", data)...)
	return append(out, Chunk("IEND", nil)...)
}

// WithSegment puts a segment of an application behind the begin of a JPEG file.
func WithSegment(file []byte, marker byte, data []byte) []byte {
	out := append([]byte{}, file[:2]...)
	out = append(out, 0xFF, marker)
	out = binary.BigEndian.AppendUint16(out, uint16(len(data)+2))
	return append(append(out, data...), file[2:]...)
}

// Oriented says in EXIF which way up a JPEG file is, and where it was taken.
func Oriented(file []byte, orientation uint16) []byte {
	exif := append([]byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x02"), 0x01, 0x12, 0, 3, 0, 0, 0, 1)
	exif = append(binary.BigEndian.AppendUint16(exif, orientation), 0, 0)
	exif = append(exif, 0x01, 0x0E, 0, 2, 0, 0, 0, 8, 0, 0, 0, 38, 0, 0, 0, 0) // a description, behind the directory
	return WithSegment(file, 0xE1, append(exif, "SECRET!\x00"...))
}
