package gateway

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// Bounds of transfers.
const (
	// leastRate is how many bytes each second a client must keep up, or its patience runs out.
	leastRate       = 4 << 10
	perByte         = time.Second / leastRate
	transferSeconds = 2
	// projectSeconds is the same of a project, whoever asks.
	projectSeconds = 4
	// writeChunk is the most that is written under one deadline.
	writeChunk = 256 << 10
	// countedStep is after how many bytes a transfer that goes on is counted.
	countedStep = 8 << 20
)

// errBodyStalled is what a service reads when a client stands still. It wraps os.ErrDeadlineExceeded.
var errBodyStalled = fault.New(fault.Canceled, "BODY_STALLED", "The request's body stood still for too long, or came too slowly.")

// transfer bounds one request of a service that has a Timeout of its own: however long that is, a client that stands still ends with the
// gateway's ordinary timeout, and so does one that trickles. Only time in which the client is waited for counts.
type transfer struct {
	control  *http.ResponseController
	patience time.Duration
	// end is when the transfer ends in any case.
	end time.Time
	// multiplexed is HTTP/2, where a deadline that passes between two reads or writes ends the stream.
	multiplexed bool
	// reads and writes are how long the client may still be waited for.
	reads, writes time.Duration
}

func (t *transfer) on() bool { return t.control != nil }

// start begins to bound the exchange.
func (t *transfer) start(w http.ResponseWriter, r *http.Request, patience time.Duration, end time.Time) {
	*t = transfer{
		control: http.NewResponseController(w), patience: patience, end: end, multiplexed: r.ProtoMajor > 1, reads: patience, writes: patience,
	}
	if r.ContentLength != 0 && t.multiplexed { // HTTP/1 asks for the deadline only when it reads
		_ = t.control.SetReadDeadline(time.Time{}) // not every writer has a connection, in tests
	}
}

// begin counts a transfer of the client's and the project's. An address may have as many under way as it may begin in transferSeconds: whoever takes them
// slowly is within every rate. The project's own servers are no address, but no project takes all connections of a worker either.
func (x *exchange) begin() (end func(), no *refusal) {
	limits := x.project.Limits
	ofProject, ok := x.g.transfers.Begin(x.ref, netip.Addr{}, projectSeconds*limits.RequestsPerSecond)
	if !ok {
		return nil, &errManyTransfers
	}
	if !x.byAddress {
		return ofProject, nil
	}
	ofAddress, ok := x.g.transfers.Begin(x.ref, x.client, transferSeconds*limits.RequestsPerSecondPerIP)
	if !ok {
		ofProject()
		return nil, &errTransfers
	}
	return func() { ofAddress(); ofProject() }, nil
}

// until is the deadline of what begins now.
func (t *transfer) until(now time.Time, left time.Duration) time.Time {
	if by := now.Add(left); by.Before(t.end) {
		return by
	}
	return t.end
}

// spend takes the time since then off what is left, and gives back what n bytes are worth.
func (t *transfer) spend(left time.Duration, since time.Time, n int) time.Duration {
	return min(t.patience, left-time.Since(since)+time.Duration(n)*perByte)
}

// beforeWrite sets the deadline of a write or a flush.
func (t *transfer) beforeWrite(now time.Time) {
	_ = t.control.SetWriteDeadline(t.until(now, t.writes)) // not every writer has a connection, in tests
}

func (t *transfer) afterWrite(since time.Time, n int) {
	t.writes = t.spend(t.writes, since, n)
	if t.multiplexed {
		_ = t.control.SetWriteDeadline(time.Time{})
	}
}

// write writes b by chunks, each with its own deadline.
func (t *transfer) write(w io.Writer, b []byte) (int, error) {
	total := 0
	for {
		chunk := b[total:min(total+writeChunk, len(b))]
		now := time.Now()
		t.beforeWrite(now)
		n, err := w.Write(chunk)
		t.afterWrite(now, n)
		total += n
		if err != nil || total >= len(b) {
			return total, err
		}
	}
}

// body is a request's body whose client is waited for only so long.
type body struct {
	io.ReadCloser
	x *exchange
}

// Read reads on.
func (b *body) Read(p []byte) (int, error) {
	t := &b.x.transfer
	now := time.Now()
	_ = t.control.SetReadDeadline(t.until(now, t.reads)) // not every writer has a connection, in tests
	n, err := b.ReadCloser.Read(p)
	t.reads = t.spend(t.reads, now, n)
	b.x.received += int64(n)
	switch {
	case err == nil:
		if t.multiplexed {
			_ = t.control.SetReadDeadline(time.Time{})
		}
	case errors.Is(err, io.EOF): // nothing waits for the client any more, and what comes next has its own deadline
		_ = t.control.SetReadDeadline(time.Time{})
	case errors.Is(err, os.ErrDeadlineExceeded):
		stalled := *errBodyStalled
		stalled.Err = err
		return n, &stalled
	}
	return n, err
}
