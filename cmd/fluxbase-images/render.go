//go:build vips && cgo

package main

// #cgo pkg-config: vips
// #include <vips/vips.h>
//
// // Of all that libvips reads, six loaders are left; of these none that libvips itself does not trust.
// static void allow_loaders(void) {
//   vips_operation_block_set("VipsForeignLoad", TRUE);
//   vips_operation_block_set("VipsForeignLoadJpeg", FALSE);
//   vips_operation_block_set("VipsForeignLoadPng", FALSE);
//   vips_operation_block_set("VipsForeignLoadNsgif", FALSE);
//   vips_operation_block_set("VipsForeignLoadWebp", FALSE);
//   vips_operation_block_set("VipsForeignLoadTiff", FALSE);
//   vips_operation_block_set("VipsForeignLoadHeif", FALSE);
//   vips_block_untrusted_set(TRUE);
// }
import "C"

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/davidbyttow/govips/v2/vips"

	"github.com/wayli-app/fluxbase/dataplane/storage/imaging/job"
)

// The qualities of formats when none is asked for.
const (
	defaultQuality     = 80
	defaultAVIFQuality = 60
	// avifEffort is how hard the encoder tries, of 9: more takes many times as long for little.
	avifEffort = 2
	webpEffort = 4
	// webpSide is the longest side that WebP can have; avifPixels the largest picture that is worth the time.
	webpSide   = 16383
	avifPixels = 8_000_000
)

// unable are formats that this system's libvips cannot read and write. Others take their place.
var unable = map[job.Source]error{}

// begin starts libvips and tries every format, so that what is loaded at first use is there before the sandbox closes.
func begin() error {
	// Large pictures are held in memory, which is bounded, and never in files.
	if err := os.Setenv("VIPS_DISC_THRESHOLD", "100g"); err != nil {
		return err
	}
	vips.LoggingSettings(func(string, vips.LogLevel, string) {}, vips.LogLevelError)
	vips.Startup(&vips.Config{ConcurrencyLevel: 1, MaxCacheFiles: 0, MaxCacheMem: 0, MaxCacheSize: 0})
	C.allow_loaders()
	picture, err := vips.Black(16, 16)
	if err != nil {
		return err
	}
	defer picture.Close()
	if err := picture.ToColorSpace(vips.InterpretationSRGB); err != nil {
		return err
	}
	for _, source := range []job.Source{job.JPEG, job.PNG, job.WEBP, job.GIF, job.AV1F} {
		if err := try(picture, source); err != nil {
			unable[source] = err
		}
	}
	return errors.Join(unable[job.JPEG], unable[job.PNG], unable[job.WEBP])
}

// try writes and reads a small picture.
func try(picture *vips.ImageRef, source job.Source) error {
	raw, _, err := write(picture, source, 0)
	if err != nil {
		return fmt.Errorf("libvips cannot write %s: %w", source, err)
	}
	if result, _ := render(raw, job.Recipe{Width: 8, Format: job.Origin}); result.Code != job.Done {
		return fmt.Errorf("libvips cannot read %s: %s %s", source, result.Code, result.Detail)
	}
	return nil
}

// report tells people what the program can do here. It asks another process, because one that is enclosed can write to pipes only.
func report(w io.Writer) error {
	own, err := os.Executable()
	if err != nil {
		return err
	}
	said, err := exec.Command(own, "-check", "-inside").CombinedOutput() //nolint:noctx // a fraction of a second
	if _, wrong := w.Write(said); wrong != nil {
		return wrong
	}
	return err
}

func reportInside(w io.Writer) error {
	if err := begin(); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "fluxbase-images %s, libvips %s:", version, vips.Version); err != nil {
		return err
	}
	for _, source := range []job.Source{job.JPEG, job.PNG, job.WEBP, job.GIF, job.AV1F} {
		word := "yes"
		if err := unable[source]; err != nil {
			word = "no (" + err.Error() + ")"
		}
		if _, err := fmt.Fprintf(w, " %s %s", source, word); err != nil {
			return err
		}
	}
	if err := enclose(0); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	word := "by limits only"
	if enclosed() {
		word = "yes"
	}
	_, err := fmt.Fprintln(w, " enclosed", word)
	return err
}

// render makes what the recipe says of a file.
func render(input []byte, recipe job.Recipe) (job.Result, []byte) {
	source := job.Sniff(input)
	if source == "" {
		return job.Result{Code: job.Unsupported}, nil
	}
	broken := func(err error) (job.Result, []byte) { return job.Result{Code: job.Broken, Detail: err.Error()}, nil }
	plan, code, err := measure(input, source, recipe)
	switch {
	case err != nil:
		return broken(err)
	case code != "":
		return job.Result{Code: code}, nil
	}
	picture, err := vips.LoadThumbnailFromBuffer(input, plan.Width, plan.Height, vips.InterestingNone, vips.SizeForce, onePage(source))
	if err != nil {
		return broken(err)
	}
	defer picture.Close()
	if err := finish(picture, plan); err != nil {
		return broken(err)
	}
	target := target(source, recipe.Format, plan, picture.HasAlpha())
	made, mime, err := write(picture, target, recipe.Quality)
	if err != nil {
		return broken(err)
	}
	if len(made) > job.MaxOutput {
		return job.Result{Code: job.ResultBig}, nil
	}
	return job.Result{Code: job.Done, MIME: mime, Width: picture.Width(), Height: picture.Height()}, made
}

// onePage asks for the first picture of a file that may have many.
func onePage(source job.Source) *vips.ImportParams {
	p := &vips.ImportParams{}
	switch source {
	case job.JPEG: // one that ends early shows what there is, as in browsers
	case job.PNG:
		p.FailOnError.Set(true)
	default:
		p.Page.Set(0)
		p.NumPages.Set(1)
	}
	return p
}

// measure reads the header only, and refuses what would be too large before a pixel is decoded.
func measure(input []byte, source job.Source, recipe job.Recipe) (job.Plan, job.Code, error) {
	header, err := vips.LoadImageFromBuffer(input, onePage(source))
	if err != nil {
		return job.Plan{}, "", err
	}
	defer header.Close()
	width, height := header.Width(), header.Height()
	if width < 1 || height < 1 {
		return job.Plan{}, job.Broken, nil
	}
	if int64(width)*int64(height) > job.MaxPixels {
		return job.Plan{}, job.TooManyPx, nil
	}
	// Five to eight of EXIF's orientations lie on their side. libvips turns HEIF as it loads.
	if o := header.Orientation(); o >= 5 && o <= 8 && source != job.HEIC && source != job.AV1F {
		width, height = height, width
	}
	return recipe.Plan(width, height), "", nil
}

// finish cuts, and leaves plain sRGB that tells nothing of its origin.
func finish(picture *vips.ImageRef, plan job.Plan) error {
	if picture.Width() != plan.CropWidth || picture.Height() != plan.CropHeight {
		left, top := (picture.Width()-plan.CropWidth)/2, (picture.Height()-plan.CropHeight)/2
		if err := picture.ExtractArea(left, top, plan.CropWidth, plan.CropHeight); err != nil {
			return err
		}
	}
	if picture.HasICCProfile() {
		// A profile that cannot be read is as none: browsers do the same.
		_ = picture.TransformICCProfileWithFallback("srgb", "srgb")
	}
	if space := picture.Interpretation(); space != vips.InterpretationSRGB && space != vips.InterpretationBW {
		if err := picture.ToColorSpace(vips.InterpretationSRGB); err != nil {
			return err
		}
	}
	if err := picture.RemoveICCProfile(); err != nil {
		return err
	}
	return errors.Join(picture.RemoveMetadata(), picture.RemoveOrientation())
}

// target is the format that is written.
func target(source job.Source, asked job.Format, plan job.Plan, alpha bool) job.Source {
	switch {
	case asked == job.AVIF && plan.CropWidth*plan.CropHeight <= avifPixels && unable[job.AV1F] == nil:
		return job.AV1F
	case asked != job.Origin && max(plan.CropWidth, plan.CropHeight) <= webpSide:
		return job.WEBP
	case source.Viewable() && unable[source] == nil:
		return source // which had room for more: no rendition is larger than its source
	case alpha:
		return job.PNG
	}
	return job.JPEG
}

// write encodes a picture without its metadata.
func write(picture *vips.ImageRef, as job.Source, quality int) (raw []byte, mime string, err error) {
	or := func(usual int) int {
		if quality > 0 {
			return quality
		}
		return usual
	}
	switch as {
	case job.WEBP:
		raw, _, err = picture.ExportWebp(&vips.WebpExportParams{Quality: or(defaultQuality), ReductionEffort: webpEffort, StripMetadata: true})
		raw = bareWebP(raw)
	case job.AV1F:
		raw, _, err = picture.ExportAvif(&vips.AvifExportParams{Quality: or(defaultAVIFQuality), Effort: avifEffort, Bitdepth: 8, StripMetadata: true})
	case job.PNG:
		raw, _, err = picture.ExportPng(&vips.PngExportParams{Compression: 6, Filter: vips.PngFilterAll, StripMetadata: true})
	case job.GIF:
		raw, _, err = picture.ExportGIF(&vips.GifExportParams{Effort: 7, Bitdepth: 8})
	default:
		as = job.JPEG
		raw, _, err = picture.ExportJpeg(&vips.JpegExportParams{Quality: or(defaultQuality), Interlace: true, OptimizeCoding: true, StripMetadata: true})
	}
	return raw, "image/" + string(as), err
}
