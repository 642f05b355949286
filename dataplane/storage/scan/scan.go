// Package scan asks the operator's virus scanner, ClamAV's clamd, about files while they are uploaded. What it cannot answer for is refused:
// a scanner that is away lets nothing through.
package scan

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// Stream takes a file's bytes as they come by. After the last one Verdict tells whether the file may be kept. Close ends it in any case. It is
// an alias, so that whoever needs a scanner can declare it in its own words.
type Stream = interface {
	io.Writer
	// Verdict returns nil for a clean file, else a fault: INFECTED_FILE, TOO_LARGE_TO_SCAN or SCANNER_UNAVAILABLE.
	Verdict() error
	Close() error
}

// Patience with the scanner.
const (
	dialTimeout   = 5 * time.Second
	writeTimeout  = 30 * time.Second // for one piece; a scanner that is busy takes nothing
	answerTimeout = 4 * time.Minute  // clamd itself gives up after MaxScanTime, two minutes
	lastWords     = 2 * time.Second  // for what a scanner says that hung up
)

// Bounds on streams at once, of this process and of one of its projects: an upload that dawdles holds one.
const (
	mostStreams = 256
	mostOfOne   = 32
	turnWait    = 10 * time.Second
)

// Deps are what a scanner needs.
type Deps struct {
	// URL is clamd's socket, unix:///run/clamav/clamd.ctl or tcp://host:3310, and is the operator's own; "" is none.
	URL string
	Log *slog.Logger
	// Metrics may be nil.
	Metrics prometheus.Registerer
	// Most and MostOfOne bound streams at once; zero is 256, and 32 of one project.
	Most, MostOfOne int
	// Answer bounds the wait for a verdict; zero is four minutes.
	Answer time.Duration
}

// Scanner asks clamd. It is safe for concurrent use.
type Scanner struct {
	network, address string
	log              *slog.Logger
	answer           time.Duration
	results          *prometheus.CounterVec
	turns            chan struct{}
	mostOfOne        int

	mu sync.Mutex
	of map[string]int // streams at once, by project
}

// New makes a scanner. It opens no connection.
func New(d Deps) (*Scanner, error) {
	s := &Scanner{log: d.Log, answer: d.Answer, mostOfOne: d.MostOfOne, of: map[string]int{}, results: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "fluxbase_storage_scans_total", Help: "Files that the virus scanner was asked about, by what came of it.",
	}, []string{"result"})}
	if s.answer == 0 {
		s.answer = answerTimeout
	}
	if s.mostOfOne == 0 {
		s.mostOfOne = mostOfOne
	}
	if d.Most == 0 {
		d.Most = mostStreams
	}
	s.turns = make(chan struct{}, d.Most)
	if d.Metrics != nil {
		d.Metrics.MustRegister(s.results)
	}
	if d.URL == "" {
		return s, nil
	}
	u, err := url.Parse(d.URL)
	switch {
	case err != nil:
		return nil, errURL
	case u.Scheme == "unix" && u.Host == "" && u.Path != "":
		s.network, s.address = "unix", u.Path
	case u.Scheme == "tcp" && u.Hostname() != "" && (u.Path == "" || u.Path == "/"):
		s.network, s.address = "tcp", u.Host
		if u.Port() == "" {
			s.address = net.JoinHostPort(u.Hostname(), "3310")
		}
	default:
		return nil, errURL
	}
	return s, nil
}

var errURL = errors.New("FLUXBASE_STORAGE_CLAMD_URL must be unix:///path/of/the/socket or tcp://host:3310")

// Wants tells whether a project has files of a bucket scanned.
func (*Scanner) Wants(values setting.Values, bucket string) bool {
	buckets := setting.Get[[]string](values, "storage.scan_buckets")
	return slices.Contains(buckets, bucket) || slices.Contains(buckets, "*")
}

// Begin opens a stream for one file of a project. It fails at once when the scanner is away, so that no bytes need to move.
func (s *Scanner) Begin(ctx context.Context, ref string) (Stream, error) {
	if s.address == "" {
		s.count("unavailable")
		return nil, fault.New(fault.Unavailable, "SCANNER_UNAVAILABLE",
			"The bucket's files are to be scanned for viruses, but this server has no scanner. Its operator can set one up; or take the bucket out of storage.scan_buckets.")
	}
	if err := s.enter(ctx, ref); err != nil {
		s.count("busy")
		return nil, err
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, s.network, s.address)
	if err != nil {
		s.leave(ref)
		return nil, s.away(err)
	}
	out := &stream{scanner: s, conn: conn, ref: ref, gone: ctx.Done()}
	out.release = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	if err := out.send([]byte("zINSTREAM\x00")); err != nil {
		_ = out.Close()
		return nil, out.away(err)
	}
	return out, nil
}

// enter waits for a turn: of all projects, and of this one.
func (s *Scanner) enter(ctx context.Context, ref string) error {
	s.mu.Lock()
	full := s.of[ref] >= s.mostOfOne
	if !full {
		s.of[ref]++
	}
	s.mu.Unlock()
	busy := &fault.Error{Kind: fault.Unavailable, Reason: "SCANNER_BUSY", RetryAfter: 5 * time.Second,
		Message: "Too many files are being scanned for viruses at once. Try again in a moment."}
	if full {
		return busy
	}
	timer := time.NewTimer(turnWait)
	defer timer.Stop()
	select {
	case s.turns <- struct{}{}:
		return nil
	case <-timer.C:
	case <-ctx.Done():
		busy.Err = context.Cause(ctx)
	}
	s.forget(ref)
	return busy
}

func (s *Scanner) leave(ref string) {
	<-s.turns
	s.forget(ref)
}

func (s *Scanner) forget(ref string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[ref]--; s.of[ref] <= 0 {
		delete(s.of, ref)
	}
}

func (s *Scanner) count(result string) { s.results.WithLabelValues(result).Inc() }

// away refuses a file because the scanner does not answer for it. Why is for the operator.
func (s *Scanner) away(err error) error {
	s.count("unavailable")
	if !errors.Is(err, context.Canceled) {
		s.log.Warn("the virus scanner does not answer; uploads to buckets that it watches are refused", "error", err)
	}
	return &fault.Error{Kind: fault.Unavailable, Reason: "SCANNER_UNAVAILABLE", RetryAfter: 10 * time.Second, Err: err,
		Message: "The file could not be scanned for viruses, so it was not kept. Try again later."}
}

func infected(signature string) error {
	signature = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, signature)
	return fault.New(fault.Invalid, "INFECTED_FILE", "The virus scanner found %.100s in the file, so it was not kept.", signature)
}

func tooLarge() error {
	return fault.New(fault.Invalid, "TOO_LARGE_TO_SCAN", "The file is larger than the virus scanner takes, so it was not kept. The server's operator can raise clamd's StreamMaxLength.")
}
