package cleanup

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// Options say what a look over a project does.
type Options struct {
	// Repair puts right what can be put right without losing a file. Without it nothing is changed.
	Repair bool
	// DropRows removes the rows of files whose bytes are gone, besides.
	DropRows bool
	// Cursor goes on where an earlier look stopped: its Report.Next.
	Cursor string
	// Patience is for how long to look; zero is to the end.
	Patience time.Duration
}

// Report is what a look over a project found.
type Report struct {
	DryRun   bool      `json:"dry_run"`
	Checked  Checked   `json:"checked"`
	Problems []Problem `json:"problems"`
	// Next is where to go on; "" when all was looked at.
	Next string `json:"next,omitempty"`
}

// Checked counts what was looked at.
type Checked struct {
	// Keys are all of the bucket's, Bytes those of files in it, Blobs what is counted, Versions what objects have.
	Keys     int64 `json:"keys"`
	Bytes    int64 `json:"bytes"`
	Blobs    int64 `json:"blobs"`
	Versions int64 `json:"versions"`
	// Renditions are images made of others, which are charged to nobody.
	Renditions     int64 `json:"renditions"`
	RenditionBytes int64 `json:"rendition_bytes"`
}

// Problem is one way in which rows and bytes do not agree.
type Problem struct {
	Kind  string `json:"kind"`
	Means string `json:"means"`
	Count int64  `json:"count"`
	Bytes int64  `json:"bytes,omitempty"`
	// Repaired is how many are put right, or will be by the jobs that were left for it.
	Repaired int64    `json:"repaired"`
	Examples []string `json:"examples,omitempty"`
}

// The kinds of problems.
const (
	StrayBytes       = "stray_bytes"
	UnknownKeys      = "unknown_keys"
	UnusedBlobs      = "unused_blobs"
	MissingBytes     = "missing_bytes"
	UncountedBytes   = "uncounted_bytes"
	WrongSize        = "wrong_size"
	StrayRenditions  = "stray_renditions"
	BrokenRenditions = "broken_renditions"
	AbandonedUploads = "abandoned_uploads"
	Unattended       = "unattended"
	WrongUsage       = "wrong_usage"
)

var means = map[string]string{
	StrayBytes:       "Bytes in the bucket that belong to no file. Repair removes them.",
	UnknownKeys:      "Keys in the bucket that Fluxbase did not write. They are left alone.",
	UnusedBlobs:      "Bytes that no file has any more, and that nothing was going to remove: rows that went without their triggers. Repair removes them.",
	MissingBytes:     "Files whose bytes are not in the bucket. They cannot be read. Only drop_rows removes their rows.",
	UncountedBytes:   "Bytes of files that are not counted as used. Repair counts them.",
	WrongSize:        "Bytes of another size than was stored: the file is damaged. Repair corrects what is counted.",
	StrayRenditions:  "Images made of others that are not known. Repair removes them.",
	BrokenRenditions: "Images made of others without bytes, or without what they were made of. Repair forgets them; they are made anew.",
	AbandonedUploads: "Parts of uploads in the bucket that nobody goes on with. Repair aborts them.",
	Unattended:       "Leases, uploads and removals that are due and that no job is left for. Repair leaves one.",
	WrongUsage:       "What is counted as used is not the sum of what is stored. Repair counts anew.",
}

const (
	maxExamples = 20
	maxExample  = 200
)

// found adds to a problem.
func (r *Report) found(kind string, bytes int64, example string) {
	p := r.problem(kind)
	p.Count++
	p.Bytes += bytes
	if len(p.Examples) < maxExamples {
		if len(example) > maxExample {
			example = example[:maxExample] + "…"
		}
		p.Examples = append(p.Examples, strings.ToValidUTF8(example, "\ufffd"))
	}
}

func (r *Report) repaired(kind string, n int) { r.problem(kind).Repaired += int64(n) }

func (r *Report) problem(kind string) *Problem {
	at := slices.IndexFunc(r.Problems, func(p Problem) bool { return p.Kind == kind })
	if at < 0 {
		at = len(r.Problems)
		r.Problems = append(r.Problems, Problem{Kind: kind, Means: means[kind]})
	}
	return &r.Problems[at]
}

// Add puts what a later part of the same look found to this one.
func (r *Report) Add(more *Report) {
	c, m := &r.Checked, more.Checked
	c.Keys, c.Bytes, c.Blobs, c.Versions = c.Keys+m.Keys, c.Bytes+m.Bytes, c.Blobs+m.Blobs, c.Versions+m.Versions
	c.Renditions, c.RenditionBytes = c.Renditions+m.Renditions, c.RenditionBytes+m.RenditionBytes
	for _, p := range more.Problems {
		mine := r.problem(p.Kind)
		mine.Count, mine.Bytes, mine.Repaired = mine.Count+p.Count, mine.Bytes+p.Bytes, mine.Repaired+p.Repaired
		mine.Examples = append(mine.Examples, p.Examples[:min(len(p.Examples), maxExamples-min(len(mine.Examples), maxExamples))]...)
	}
	r.Next = more.Next
}

// position is how far a look has come.
type position struct {
	Phase string `json:"p"`
	After string `json:"a,omitempty"`
	ID    string `json:"i,omitempty"` // of an upload in parts
}

// The phases of a look, in order.
const (
	phaseObjects    = "objects"
	phaseRenditions = "renditions"
	phaseUploads    = "uploads"
	phaseRest       = "rest"
	phaseDone       = "done"
)

func (p position) cursor() string {
	text, _ := json.Marshal(p) // strings
	return base64.RawURLEncoding.EncodeToString(text)
}

func parseCursor(s string) (position, error) {
	if s == "" {
		return position{Phase: phaseObjects}, nil
	}
	var p position
	text, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil || !slices.Contains([]string{phaseObjects, phaseRenditions, phaseUploads, phaseRest}, p.Phase) {
		return p, fault.New(fault.Invalid, "INVALID_REQUEST", "The cursor is none that a reconciliation answered with. Begin without one.")
	}
	return p, nil
}
