package job

import (
	"strconv"
	"strings"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// Asked is what somebody asks for, before it is known which formats their client shows.
type Asked struct {
	// Width, Height and Quality are 0 when not asked for.
	Width, Height, Quality int
	Resize                 Resize
	// Format is "" for the best that the client shows.
	Format Format
}

// Ask reads what is asked for by name: width, height, resize, quality, format. where begins the words of errors: "querystring", "body/transform".
func Ask(where string, get func(name string) string) (Asked, error) {
	var a Asked
	refuse := func(name, must string) error {
		return fault.New(fault.Invalid, "INVALID_REQUEST", "%s/%s must be %s", where, name, must)
	}
	number := func(name string, least, most int) (int, error) {
		text := get(name)
		if text == "" {
			return 0, nil
		}
		n, err := strconv.Atoi(text)
		switch {
		case err != nil:
			return 0, refuse(name, "integer")
		case n < least:
			return 0, refuse(name, ">= "+strconv.Itoa(least))
		case name == "quality" && n > most:
			return 0, refuse(name, "<= "+strconv.Itoa(most))
		}
		return min(n, most), nil
	}
	var err error
	if a.Width, err = number("width", 0, MaxSide); err != nil {
		return a, err
	}
	if a.Height, err = number("height", 0, MaxSide); err != nil {
		return a, err
	}
	if a.Quality, err = number("quality", MinQuality, MaxQuality); err != nil {
		return a, err
	}
	switch a.Resize = Resize(get("resize")); a.Resize {
	case "", Cover, Contain, Fill:
	default:
		return a, refuse("resize", "equal to one of the allowed values: cover, contain, fill")
	}
	switch a.Format = Format(get("format")); a.Format {
	case "", Origin, WebP, AVIF:
	default:
		return a, refuse("format", "equal to one of the allowed values: origin, webp, avif")
	}
	return a, nil
}

// String is how a signed URL holds what was asked for: "width:100,height:50,resize:contain". Parse reads it.
func (a Asked) String() string {
	var parts []string
	add := func(name, value string) {
		if value != "" && value != "0" {
			parts = append(parts, name+":"+value)
		}
	}
	add("width", strconv.Itoa(a.Width))
	add("height", strconv.Itoa(a.Height))
	if a.Width > 0 || a.Height > 0 {
		add("resize", string(a.Resize))
	}
	add("quality", strconv.Itoa(a.Quality))
	add("format", string(a.Format))
	return strings.Join(parts, ",")
}

// Parse reads what String wrote.
func Parse(text string) (Asked, error) {
	values := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(part, ":")
		values[name] = value
	}
	return Ask("transform", func(name string) string { return values[name] })
}

// Recipe is what is made for a client that accepts these types. avif tells whether AVIF is given to those who show it.
func (a Asked) Recipe(accept string, avif bool) Recipe {
	r := Recipe{Width: a.Width, Height: a.Height, Quality: a.Quality, Format: a.Format}
	if r.Width > 0 || r.Height > 0 {
		if r.Resize = a.Resize; r.Resize == "" {
			r.Resize = Cover
		}
	}
	if r.Format == "" {
		switch {
		case avif && Accepts(accept, "image/avif"):
			r.Format = AVIF
		case Accepts(accept, "image/webp"):
			r.Format = WebP
		default:
			r.Format = Origin
		}
	}
	return r
}

// Accepts reports whether a header Accept names a type. Wildcards say nothing: every client sends them.
func Accepts(accept, mime string) bool {
	for one := range strings.SplitSeq(accept, ",") {
		parts := strings.Split(one, ";")
		if !strings.EqualFold(strings.TrimSpace(parts[0]), mime) {
			continue
		}
		for _, parameter := range parts[1:] {
			name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
			if q, err := strconv.ParseFloat(value, 64); strings.EqualFold(name, "q") && (err != nil || q <= 0) {
				return false
			}
		}
		return true
	}
	return false
}
