//go:build vips && cgo

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	_ "image/jpeg" // decodes
	_ "image/png"  // decodes
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/imaging/imagingtest"
	"github.com/wayli-app/fluxbase/dataplane/storage/imaging/job"
)

func TestMain(m *testing.M) {
	if err := begin(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func file(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return raw
}

func decoded(t *testing.T, raw []byte) image.Image {
	t.Helper()
	out, _, err := image.Decode(bytes.NewReader(raw))
	require.NoError(t, err)
	return out
}

func near(t *testing.T, want color.RGBA, got color.Color) {
	t.Helper()
	r, g, b, _ := got.RGBA()
	for i, pair := range [][2]int{{int(want.R), int(r >> 8)}, {int(want.G), int(g >> 8)}, {int(want.B), int(b >> 8)}} {
		require.InDelta(t, pair[0], pair[1], 24, "channel %d of %v", i, got)
	}
}

func TestSizesAreTheReferences(t *testing.T) {
	source := imagingtest.PNG(t, imagingtest.Halves(200, 100))
	cases := []struct {
		name          string
		recipe        job.Recipe
		width, height int
	}{
		{"cover cuts what is too much", job.Recipe{Width: 50, Height: 50, Resize: job.Cover}, 50, 50},
		{"cover with one side takes the source's other", job.Recipe{Width: 50, Resize: job.Cover}, 50, 100},
		{"contain stays within", job.Recipe{Width: 50, Height: 50, Resize: job.Contain}, 50, 25},
		{"contain with one side keeps the ratio", job.Recipe{Height: 50, Resize: job.Contain}, 100, 50},
		{"fill stretches", job.Recipe{Width: 50, Height: 80, Resize: job.Fill}, 50, 80},
		{"nothing is made larger by cover", job.Recipe{Width: 400, Height: 40, Resize: job.Cover}, 200, 40},
		{"nothing is made larger by contain", job.Recipe{Width: 2500, Height: 2500, Resize: job.Contain}, 200, 100},
		{"fill keeps the box's ratio within the source", job.Recipe{Width: 400, Height: 100, Resize: job.Fill}, 200, 50},
		{"no size is the source's", job.Recipe{Quality: 20}, 200, 100},
		{"a pixel is the least", job.Recipe{Width: 1, Height: 1, Resize: job.Contain}, 1, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, format := range []job.Format{job.Origin, job.WebP, job.AVIF} {
				c.recipe.Format = format
				result, made := render(source, c.recipe)
				require.Equal(t, job.Done, result.Code, result.Detail)
				require.Equal(t, [2]int{c.width, c.height}, [2]int{result.Width, result.Height})
				if format == job.Origin {
					require.Equal(t, image.Pt(c.width, c.height), decoded(t, made).Bounds().Size())
				} else {
					require.Equal(t, "image/"+string(format), result.MIME)
				}
			}
		})
	}
}

func TestCoverKeepsTheMiddle(t *testing.T) {
	_, made := render(imagingtest.PNG(t, imagingtest.Halves(200, 100)), job.Recipe{Width: 50, Height: 100, Resize: job.Cover, Format: job.Origin})
	near(t, color.RGBA{R: 250}, decoded(t, made).At(5, 50))
	near(t, color.RGBA{B: 250}, decoded(t, made).At(45, 50))
}

// sourceOf makes a small file of every source.
func sourcesOf(t *testing.T) map[job.Source][]byte {
	t.Helper()
	picture := imagingtest.Halves(64, 32)
	var animated bytes.Buffer
	palette := color.Palette{color.RGBA{R: 250, A: 255}, color.RGBA{B: 250, A: 255}}
	frames := &gif.GIF{Config: image.Config{Width: 64, Height: 32}}
	for range 3 {
		frames.Image, frames.Delay = append(frames.Image, image.NewPaletted(image.Rect(0, 0, 64, 32), palette)), append(frames.Delay, 5)
	}
	require.NoError(t, gif.EncodeAll(&animated, frames))
	out := map[job.Source][]byte{
		job.JPEG: imagingtest.JPEG(t, picture), job.PNG: imagingtest.PNG(t, picture), job.GIF: animated.Bytes(), job.HEIC: file(t, "red.heic"), job.TIFF: file(t, "red.tiff"),
	}
	for format, source := range map[job.Format]job.Source{job.WebP: job.WEBP, job.AVIF: job.AV1F} {
		result, made := render(out[job.PNG], job.Recipe{Format: format})
		require.Equal(t, job.Done, result.Code, result.Detail)
		out[source] = made
	}
	return out
}

func TestEverySourceIsReadAndKeepsItsFormat(t *testing.T) {
	origin := map[job.Source]string{
		job.JPEG: "image/jpeg", job.PNG: "image/png", job.GIF: "image/gif", job.WEBP: "image/webp", job.AV1F: "image/avif",
		job.HEIC: "image/jpeg", job.TIFF: "image/jpeg", // no browser shows these
	}
	for source, raw := range sourcesOf(t) {
		t.Run(string(source), func(t *testing.T) {
			require.Equal(t, source, job.Sniff(raw))
			for _, format := range []job.Format{job.Origin, job.WebP, job.AVIF} {
				result, made := render(raw, job.Recipe{Width: 32, Height: 16, Resize: job.Fill, Format: format})
				require.Equal(t, job.Done, result.Code, result.Detail)
				want := origin[source]
				if format != job.Origin {
					want = "image/" + string(format)
				}
				require.Equal(t, want, result.MIME)
				require.Equal(t, [2]int{32, 16}, [2]int{result.Width, result.Height}, "an animated image gives its first frame")
				// Read back by way of a format that Go decodes.
				back, shown := render(made, job.Recipe{Format: job.Origin})
				require.Equal(t, job.Done, back.Code)
				if result.MIME == "image/jpeg" || result.MIME == "image/png" || result.MIME == "image/gif" {
					near(t, color.RGBA{R: 250, G: 10, B: 15}, decoded(t, shown).At(3, 8))
				}
			}
		})
	}
}

func TestOrientationIsAppliedAndMetadataIsGone(t *testing.T) {
	raw := imagingtest.Oriented(imagingtest.JPEG(t, imagingtest.Halves(80, 40)), 6) // to be turned right
	require.Contains(t, string(raw), "SECRET!")
	raw = imagingtest.WithSegment(raw, 0xED, []byte("Photoshop 3.0\x00SECRET IPTC"))
	raw = imagingtest.WithSegment(raw, 0xE1, []byte("http://ns.adobe.com/xap/1.0/\x00SECRET XMP"))
	for _, format := range []job.Format{job.Origin, job.WebP, job.AVIF} {
		result, made := render(raw, job.Recipe{Width: 20, Height: 40, Resize: job.Fill, Format: format})
		require.Equal(t, job.Done, result.Code, result.Detail)
		require.Equal(t, [2]int{20, 40}, [2]int{result.Width, result.Height})
		require.NotContains(t, string(made), "SECRET")
		require.NotContains(t, string(made), "Exif")
		if format == job.Origin {
			near(t, color.RGBA{R: 250}, decoded(t, made).At(10, 5))
			near(t, color.RGBA{B: 250}, decoded(t, made).At(10, 35))
		}
	}
	result, _ := render(raw, job.Recipe{Width: 40, Resize: job.Contain, Format: job.Origin})
	require.Equal(t, [2]int{40, 80}, [2]int{result.Width, result.Height}, "sides are those that are seen")
}

func TestColoursBecomeSRGB(t *testing.T) {
	for name, raw := range map[string][]byte{
		"display P3": file(t, "red-p3.png"), "CMYK": file(t, "red-cmyk.jpg"),
		"a profile that is none": imagingtest.WithSegment(imagingtest.JPEG(t, imagingtest.Halves(64, 32)), 0xE2, []byte("ICC_PROFILE\x00\x01\x01nonsense")),
	} {
		t.Run(name, func(t *testing.T) {
			result, made := render(raw, job.Recipe{Width: 16, Height: 16, Resize: job.Fill, Format: job.Origin})
			require.Equal(t, job.Done, result.Code, result.Detail)
			require.NotContains(t, string(made), "ICC_PROFILE")
			require.NotContains(t, string(made), "iCCP")
			near(t, color.RGBA{R: 247, G: 18, B: 22}, decoded(t, made).At(2, 8))
		})
	}
}

func TestTransparencyIsKept(t *testing.T) {
	glass := image.NewNRGBA(image.Rect(0, 0, 40, 40))
	glass.SetNRGBA(0, 0, color.NRGBA{R: 255, A: 255})
	_, made := render(imagingtest.PNG(t, glass), job.Recipe{Width: 20, Height: 20, Resize: job.Fill, Format: job.Origin})
	require.Zero(t, color.NRGBAModel.Convert(decoded(t, made).At(15, 15)).(color.NRGBA).A)
}

func TestQualityCounts(t *testing.T) {
	raw := imagingtest.JPEG(t, imagingtest.Photo(300, 200))
	for _, format := range []job.Format{job.Origin, job.WebP, job.AVIF} {
		_, low := render(raw, job.Recipe{Quality: 20, Format: format})
		_, high := render(raw, job.Recipe{Quality: 100, Format: format})
		require.Less(t, 2*len(low), len(high), format)
	}
}

func TestWhatIsNoImageIsRefused(t *testing.T) {
	halves := imagingtest.Halves(64, 32)
	jpeg, png := imagingtest.JPEG(t, halves), imagingtest.PNG(t, halves)
	heif := file(t, "red.heic")
	cases := []struct {
		name string
		raw  []byte
		code job.Code
	}{
		{"nothing", nil, job.Unsupported},
		{"HTML", []byte("<!doctype html><script>alert(1)</script>"), job.Unsupported},
		{"SVG", []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>`), job.Unsupported},
		{"SVG with a byte order mark", []byte("\xef\xbb\xbf<?xml version=\"1.0\"?><svg/>"), job.Unsupported},
		{"PDF", []byte("%PDF-1.7\n1 0 obj"), job.Unsupported},
		{"ImageMagick's language", []byte("push graphic-context\nfill 'url(https://example.com/|ls)'"), job.Unsupported},
		{"PostScript", []byte("%!PS-Adobe-3.0"), job.Unsupported},
		{"BMP", []byte("BM\x46\x00\x00\x00\x00\x00\x00\x00"), job.Unsupported},
		{"libvips' own format", []byte("\x08\xf2\xa6\xb6\x00\x00\x00\x01"), job.Unsupported},
		{"a JPEG's begin and no more", jpeg[:4], job.Broken},
		{"a JPEG without its frame", append([]byte("\xff\xd8\xff\xe0"), bytes.Repeat([]byte{0}, 2000)...), job.Broken},
		{"a PNG cut in its header", png[:20], job.Broken},
		{"a PNG cut in its data", png[:len(png)*2/3], job.Broken},
		{"a PNG whose data is noise", imagingtest.PNGOf(64, 64, nil, []byte("no deflate stream at all")), job.Broken},
		{"a GIF without a frame", []byte("GIF89a\x10\x00\x10\x00\x00\x00\x00;"), job.Broken},
		{"a WebP that ends early", []byte("RIFF\x40\x00\x00\x00WEBPVP8 \x30\x00\x00\x00abcdefgh"), job.Broken},
		{"a HEIC cut in the middle", heif[:len(heif)/2], job.Broken},
		{"a HEIC whose boxes lie", bytes.ReplaceAll(heif, []byte("ispe"), []byte("nope")), job.Broken},
		{"a TIFF that points nowhere", []byte("II*\x00\xff\xff\xff\x7f"), job.Broken},
		{"a TIFF whose directory is itself", append([]byte("II*\x00\x08\x00\x00\x00\x01\x00"), bytes.Repeat([]byte{8, 0, 0, 0}, 8)...), job.Broken},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			result, made := render(c.raw, job.Recipe{Width: 10, Height: 10, Resize: job.Cover, Format: job.WebP})
			require.Equal(t, c.code, result.Code, result.Detail)
			require.Empty(t, made)
		})
	}
}

func TestBombsAreRefusedBeforeTheyAreDecoded(t *testing.T) {
	big := imagingtest.Deflate(make([]byte, 1<<20))
	gifOf := func(width, height uint16, frames int) []byte {
		out := []byte("GIF89a")
		out = binary.LittleEndian.AppendUint16(out, width)
		out = append(binary.LittleEndian.AppendUint16(out, height), 0x80, 0, 0, 0, 0, 0, 255, 255, 255)
		for range frames {
			out = append(out, 0x2C, 0, 0, 0, 0)
			out = binary.LittleEndian.AppendUint16(out, width)
			out = append(binary.LittleEndian.AppendUint16(out, height), 0, 2, 2, 0x4C, 0x01, 0)
		}
		return append(out, ';')
	}
	webp := append([]byte("RIFF\x1a\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00"), 0xff, 0x3f, 0, 0xff, 0x3f, 0)
	cases := map[string][]byte{
		"PNG of 60000 x 60000":           imagingtest.PNGOf(60000, 60000, nil, big),
		"PNG of one row too wide":        imagingtest.PNGOf(50_000_001, 1, nil, big),
		"PNG of the largest sides":       imagingtest.PNGOf(1<<31-1, 1<<31-1, nil, big),
		"GIF of 65535 x 65535":           gifOf(65535, 65535, 1),
		"GIF of many frames that is big": gifOf(65535, 65535, 1000),
		"WebP of 16384 x 16384":          webp,
		"JPEG of 65500 x 65500":          jpegOf(t, 65500, 65500),
		"TIFF of 100000 x 100000":        tiffOf(100_000, 100_000),
	}
	for name, raw := range cases {
		t.Run(name, func(t *testing.T) {
			require.Less(t, len(raw), 64<<10)
			result, made := render(raw, job.Recipe{Width: 10, Height: 10, Resize: job.Cover, Format: job.WebP})
			require.Contains(t, []job.Code{job.TooManyPx, job.Broken}, result.Code, result.Detail)
			require.Empty(t, made)
		})
	}
	require.Equal(t, job.TooManyPx, first(render(cases["PNG of 60000 x 60000"], job.Recipe{Format: job.WebP})).Code)
	t.Run("a thousand frames cost as much as one", func(t *testing.T) {
		result, _ := render(gifOf(1000, 1000, 3000), job.Recipe{Width: 10, Format: job.WebP})
		require.Equal(t, job.Done, result.Code, result.Detail)
		require.Equal(t, 1000, result.Height)
	})
}

func first(r job.Result, _ []byte) job.Result { return r }

// jpegOf makes a JPEG whose frame says that it is this large.
func jpegOf(t *testing.T, width, height uint16) []byte {
	t.Helper()
	raw := imagingtest.JPEG(t, imagingtest.Halves(16, 16))
	at := bytes.Index(raw, []byte{0xFF, 0xC0})
	require.Positive(t, at)
	binary.BigEndian.PutUint16(raw[at+5:], height)
	binary.BigEndian.PutUint16(raw[at+7:], width)
	return raw
}

// tiffOf makes a TIFF of one strip that says it is this large.
func tiffOf(width, height uint32) []byte {
	entry := func(tag, kind uint16, value uint32) []byte {
		out := binary.LittleEndian.AppendUint16(nil, tag)
		out = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint16(out, kind), 1)
		return binary.LittleEndian.AppendUint32(out, value)
	}
	out := []byte("II*\x00\x08\x00\x00\x00\x08\x00")
	for _, e := range [][3]uint32{{256, 4, width}, {257, 4, height}, {258, 3, 8}, {259, 3, 1}, {262, 3, 1}, {273, 4, 200}, {278, 4, height}, {279, 4, 100}} {
		out = append(out, entry(uint16(e[0]), uint16(e[1]), e[2])...)
	}
	return append(out, make([]byte, 400)...)
}

func TestBombsInProfilesAndTextAreNoBombs(t *testing.T) {
	zeros := imagingtest.Deflate(make([]byte, 200<<20))
	require.Less(t, len(zeros), 1<<20)
	rows := imagingtest.Deflate(make([]byte, 33*32))
	for name, chunk := range map[string][]byte{
		"iCCP": imagingtest.Chunk("iCCP", append([]byte("x\x00\x00"), zeros...)), "zTXt": imagingtest.Chunk("zTXt", append([]byte("x\x00\x00"), zeros...)),
		"iTXt": imagingtest.Chunk("iTXt", append([]byte("x\x00\x01\x00\x00\x00"), zeros...)),
	} {
		t.Run(name, func(t *testing.T) {
			result, _ := render(imagingtest.PNGOf(32, 32, [][]byte{chunk}, rows), job.Recipe{Width: 8, Height: 8, Resize: job.Fill, Format: job.WebP})
			require.Contains(t, []job.Code{job.Done, job.Broken}, result.Code)
		})
	}
}

func TestAnImageThatIsSomethingElseTooComesOutAsAnImageOnly(t *testing.T) {
	script := "<script>alert(document.domain)</script>"
	zip := "PK\x03\x04" + strings.Repeat("payload", 20)
	png := append(imagingtest.PNG(t, imagingtest.Halves(40, 40)), script+zip...)
	jpeg := imagingtest.WithSegment(imagingtest.JPEG(t, imagingtest.Halves(40, 40)), 0xFE, []byte(script+zip))
	for _, raw := range [][]byte{png, jpeg} {
		for _, format := range []job.Format{job.Origin, job.WebP, job.AVIF} {
			result, made := render(raw, job.Recipe{Width: 20, Height: 20, Resize: job.Fill, Format: format})
			require.Equal(t, job.Done, result.Code, result.Detail)
			require.NotContains(t, string(made), "script")
			require.NotContains(t, string(made), "PK\x03\x04")
		}
	}
}

func TestAPhotoCutShortShowsWhatThereIs(t *testing.T) {
	raw := imagingtest.JPEG(t, imagingtest.Photo(400, 300))
	result, made := render(raw[:len(raw)/2], job.Recipe{Width: 100, Height: 75, Resize: job.Fill, Format: job.Origin})
	require.Equal(t, job.Done, result.Code, result.Detail)
	require.Equal(t, image.Pt(100, 75), decoded(t, made).Bounds().Size())
}

func TestAFormatThatCannotHoldTheSizeIsReplaced(t *testing.T) {
	tall := image.NewGray(image.Rect(0, 0, 20, 17000))
	for _, format := range []job.Format{job.WebP, job.AVIF} {
		result, made := render(imagingtest.PNG(t, tall), job.Recipe{Width: 10, Resize: job.Cover, Format: format})
		require.Equal(t, job.Done, result.Code, result.Detail)
		require.NotEmpty(t, made)
		require.Equal(t, 17000, result.Height)
	}
}

// Of 12 megapixels, as telephones make them.
func BenchmarkPhotoTo800(b *testing.B) {
	raw := imagingtest.JPEG(b, imagingtest.Photo(4000, 3000))
	for _, format := range []job.Format{job.WebP, job.AVIF, job.Origin} {
		b.Run(string(format), func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			size := 0
			for b.Loop() {
				result, made := render(raw, job.Recipe{Width: 800, Resize: job.Contain, Format: format})
				require.Equal(b, job.Done, result.Code)
				size = len(made)
			}
			b.ReportMetric(float64(size)/1024, "kB/image")
		})
	}
}
