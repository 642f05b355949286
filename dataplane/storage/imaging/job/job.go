// Package job is what a worker and its program for images say to each other: what is to be made of an image, and what became of it.
package job

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The limits of what may be asked for. Larger sizes are taken down to MaxSide, as the reference does.
const (
	MaxSide    = 2500
	MinQuality = 20
	MaxQuality = 100
	// MaxInput is the largest file that is read, and MaxOutput the largest that is made.
	MaxInput  = 25 << 20
	MaxOutput = 32 << 20
	// MaxPixels bounds what the header of an image may promise.
	MaxPixels = 50_000_000
)

// Resize is how an image is brought into the asked size.
type Resize string

// The ways to resize.
const (
	Cover   Resize = "cover"   // keeps the ratio, and cuts off what is too much
	Contain Resize = "contain" // keeps the ratio, and stays within
	Fill    Resize = "fill"    // stretches
)

// Format is what an image is written as.
type Format string

// The formats. Origin is that of the source, or PNG and JPEG where browsers do not show that.
const (
	Origin Format = "origin"
	WebP   Format = "webp"
	AVIF   Format = "avif"
)

// Recipe is what is made of an image. Two recipes of one String make the same.
type Recipe struct {
	// Width and Height are 0 when not asked for.
	Width   int    `json:"width,omitempty"`
	Height  int    `json:"height,omitempty"`
	Resize  Resize `json:"resize,omitempty"`
	Quality int    `json:"quality,omitempty"`
	Format  Format `json:"format"`
}

// String names the recipe in few characters: the cache's key.
func (r Recipe) String() string {
	var b strings.Builder
	if r.Width > 0 || r.Height > 0 {
		fmt.Fprintf(&b, "%dx%d-%s-", r.Width, r.Height, r.Resize)
	}
	if r.Quality > 0 {
		b.WriteString("q" + strconv.Itoa(r.Quality) + "-")
	}
	return b.String() + string(r.Format)
}

// Plan is the way from an image to its rendition: scaled to Width × Height, then cut to CropWidth × CropHeight around its middle.
type Plan struct{ Width, Height, CropWidth, CropHeight int }

// Plan computes the sizes for a source as it is seen, its orientation applied. Nothing is made larger than it is: a box that is
// larger than the source keeps its ratio at most. A side that is not asked for is the source's.
func (r Recipe) Plan(width, height int) Plan {
	sourceW, sourceH := float64(width), float64(height)
	byW, byH := 1.0, 1.0
	if r.Width > 0 {
		byW = float64(r.Width) / sourceW
	}
	if r.Height > 0 {
		byH = float64(r.Height) / sourceH
	}
	side := func(v float64) int { return max(1, int(math.Round(v))) }
	switch r.Resize {
	case Fill:
		if most := max(byW, byH); most > 1 {
			byW, byH = byW/most, byH/most
		}
		w, h := side(sourceW*byW), side(sourceH*byH)
		return Plan{w, h, w, h}
	case Contain:
		by := min(byW, byH, 1)
		w, h := side(sourceW*by), side(sourceH*by)
		return Plan{w, h, w, h}
	default:
		by := min(max(byW, byH), 1)
		p := Plan{Width: side(sourceW * by), Height: side(sourceH * by)}
		p.CropWidth, p.CropHeight = p.Width, p.Height
		if r.Width > 0 {
			p.CropWidth = min(r.Width, p.Width)
		}
		if r.Height > 0 {
			p.CropHeight = min(r.Height, p.Height)
		}
		return p
	}
}
