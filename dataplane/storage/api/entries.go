package api

import (
	"hash/maphash"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// entries names the files of an archive so that it can be unpacked anywhere, and nowhere else: no entry is outside of its folder, none has the name of
// another, and none is a folder of another.
type entries struct {
	seed  maphash.Seed
	taken map[uint64]bool // of paths; true for a file
}

func newEntries() *entries { return &entries{maphash.MakeSeed(), map[uint64]bool{}} }

// name makes an entry's name of a file's.
func (e *entries) name(object string) string {
	segments := strings.Split(object, "/")
	for i, segment := range segments {
		segments[i] = safe(segment)
	}
	for i := range segments {
		last := i == len(segments)-1
		plain := segments[i]
		for n := 2; ; n++ {
			key := e.key(segments[:i+1])
			file, known := e.taken[key]
			if !known || !last && !file {
				e.taken[key] = last
				break
			}
			segments[i] = numbered(plain, n)
		}
	}
	return strings.Join(segments, "/")
}

// key is that of a path, whose letters' case does not matter everywhere.
func (e *entries) key(segments []string) uint64 {
	return maphash.String(e.seed, strings.ToLower(strings.Join(segments, "/")))
}

func numbered(segment string, n int) string {
	extension := path.Ext(segment)
	return strings.TrimSuffix(segment, extension) + " (" + strconv.Itoa(n) + ")" + extension
}

// safe makes a segment of a name one that every system can write and none takes for something else.
func safe(segment string) string {
	segment = strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(`\<>:"|?*`, r), unicode.IsControl(r), r == utf8.RuneError, unicode.Is(unicode.Bidi_Control, r):
			return '_'
		}
		return r
	}, segment)
	if trimmed := strings.TrimRight(segment, ". "); trimmed != segment {
		segment = trimmed + strings.Repeat("_", min(len(segment)-len(trimmed), 3))
	}
	if segment == "" {
		return "_"
	}
	stem, _, _ := strings.Cut(strings.ToUpper(segment), ".")
	if devices[strings.TrimSpace(stem)] {
		return "_" + segment
	}
	return segment
}

// devices are names that Windows takes for something else than files.
var devices = func() map[string]bool {
	out := map[string]bool{"CON": true, "PRN": true, "AUX": true, "NUL": true}
	for _, n := range "123456789¹²³" {
		out["COM"+string(n)], out["LPT"+string(n)] = true, true
	}
	return out
}()
