package bucket

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

var sizeForm = regexp.MustCompile(`^([0-9]{1,15}(?:\.[0-9]{1,6})?)(gb|mb|kb|b)$`)

var units = map[string]float64{"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9}

// ParseSize reads a size as Supabase writes it: "20MB" is twenty million bytes. A number alone is bytes.
func ParseSize(text string) (int64, error) {
	no := fault.New(fault.Invalid, "INVALID_REQUEST", "Invalid file size format, hint: use 20GB / 20MB / 30KB / 3B")
	text = strings.ToLower(strings.TrimSpace(text))
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		return n, nil
	}
	parts := sizeForm.FindStringSubmatch(text)
	if parts == nil {
		return 0, no
	}
	n, err := strconv.ParseFloat(parts[1], 64)
	if n *= units[parts[2]]; err != nil || n >= math.MaxInt64/2 {
		return 0, no
	}
	return int64(n), nil
}

// checkLimit refuses limits beyond the project's. Zero sets none.
func checkLimit(p *directory.Project, limit *int64) (*int64, error) {
	if limit == nil || *limit == 0 {
		return nil, nil
	}
	if *limit < 0 {
		return nil, fault.New(fault.Invalid, "INVALID_PARAMETER", "file_size_limit must be a size in bytes, from 0.")
	}
	most := setting.Get[int64](p.Settings, "storage.file_size_limit")
	if plan := p.Limits.MaxFileBytes; plan > 0 {
		most = min(most, plan)
	}
	if *limit > most {
		return nil, fault.New(fault.Invalid, "ENTITY_TOO_LARGE", "The object exceeded the maximum allowed size: the project takes files of up to %d bytes.", most)
	}
	return limit, nil
}

// maxTypes bounds a bucket's list of MIME types.
const maxTypes = 500

// typeForm is "image/png", "text/html; charset=utf-8", "image/*" or "*/*".
var typeForm = regexp.MustCompile(`^(?:\*/\*|[A-Za-z0-9!#$&^_.+-]{1,127}/(?:\*|[A-Za-z0-9!#$&^_.+-]{1,127})(?:; ?charset=[A-Za-z0-9_-]{1,40})?)$`)

// checkTypes leaves out what is empty. A list of nothing allows everything, as none at all.
func checkTypes(types []string) ([]string, error) {
	var out []string
	for _, t := range types {
		if t == "" {
			continue
		}
		if !typeForm.MatchString(t) {
			if len(t) > 100 {
				t = t[:100] + "…"
			}
			return nil, fault.New(fault.Invalid, "INVALID_MIME_TYPE", "mime type %s is not supported: write image/png, or image/* for all of a kind", strings.ToValidUTF8(t, "\ufffd"))
		}
		out = append(out, t)
	}
	if len(out) > maxTypes {
		return nil, fault.New(fault.Invalid, "INVALID_PARAMETER", "A bucket takes up to %d MIME types: write image/* for all of a kind.", maxTypes)
	}
	return out, nil
}
