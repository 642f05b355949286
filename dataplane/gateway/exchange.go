package gateway

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/dataplane/limit"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
)

// exchange is one request and its answer. It is the ResponseWriter that services see.
type exchange struct {
	http.ResponseWriter
	g      *Gateway
	r      *http.Request
	began  time.Time
	id     string
	client netip.Addr
	// direct tells that client is the peer, and the request's RemoteAddr its address.
	direct  bool
	path    string
	ref     string
	project *directory.Project
	service *service
	session *projectdb.Session
	// inner is the path within the service, prefix what was cut off before the service's own.
	inner, prefix string
	role, key     string
	// byAddress tells that the client's address is limited: it is not one of the project's own servers.
	byAddress bool
	limit     limit.Answer
	status    int
	bytes     int64
	// writeBy is when the answer must have been taken by the client; zero once that is set, and before a service runs.
	writeBy time.Time
	// transfer is on for services that have a timeout of their own.
	transfer transfer
	// received are the bytes of the body that such a service read; counted those of the answer that usage knows of.
	received, counted int64
	served            bool
	// cut tells that the client took no more of the answer.
	cut  bool
	code string
	// answered is the code of a service's answer; read tells that it was looked for.
	answered string
	read     bool
	err      error
}

// WriteHeader notes the status.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		x.status = status
		h := x.Header()
		x.secure(h, status)
		if x.served { // or else the answer is the gateway's own
			x.contain(h)
		}
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes of the body.
func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	x.readCode(b)
	if x.r.Method == http.MethodHead { // taken and not sent
		return x.ResponseWriter.Write(b)
	}
	large := x.bytes+int64(len(b)) > smallAnswer
	if large && x.transfer.on() {
		n, err := x.transfer.write(x.ResponseWriter, b)
		x.bytes += int64(n)
		x.noteCut(err)
		x.countEgress()
		return n, err
	}
	if large {
		x.boundWrites()
	}
	n, err := x.ResponseWriter.Write(b)
	x.bytes += int64(n)
	x.noteCut(err)
	return n, err
}

// maxDirect is the most that goes from connection to connection under one deadline.
const maxDirect = 1 << 20

// ReadFrom takes a piece of a file from a connection straight to the client's, for services that have a timeout of their own.
func (x *exchange) ReadFrom(src io.Reader) (int64, error) {
	to, direct := x.ResponseWriter.(io.ReaderFrom)
	piece, bounded := src.(*io.LimitedReader)
	if !direct || !bounded || piece.N > maxDirect || !x.transfer.on() || x.transfer.multiplexed || x.r.Method == http.MethodHead {
		return io.Copy(struct{ io.Writer }{x}, src)
	}
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	now := time.Now()
	x.transfer.beforeWrite(now)
	n, err := to.ReadFrom(src)
	x.transfer.afterWrite(now, int(n))
	x.bytes += n
	x.noteCut(err)
	x.countEgress()
	return n, err
}

// countEgress lets usage know of a transfer that goes on.
func (x *exchange) countEgress() {
	if x.bytes-x.counted >= countedStep {
		x.g.usage.Egress(x.project.ID, x.service.Name, x.bytes-x.counted)
		x.counted = x.bytes
	}
}

// noteCut notes that the client takes no more, unless a service wrote what it may not.
func (x *exchange) noteCut(err error) {
	x.cut = x.cut || err != nil && !errors.Is(err, http.ErrBodyNotAllowed) && !errors.Is(err, http.ErrContentLength)
}

// Flush sends what is buffered.
func (x *exchange) Flush() {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	if x.transfer.on() {
		now := time.Now()
		x.transfer.beforeWrite(now)
		_ = x.transfer.control.Flush()
		x.transfer.afterWrite(now, 0)
		return
	}
	x.boundWrites()
	_ = http.NewResponseController(x.ResponseWriter).Flush()
}

// smallAnswer is what every connection takes at once: it is written when the service is done, and waits for no client.
const smallAnswer = 2 << 10

// boundWrites ends writing to a client that does not read.
func (x *exchange) boundWrites() {
	if x.transfer.on() {
		x.transfer.beforeWrite(time.Now())
		return
	}
	if !x.writeBy.IsZero() {
		_ = http.NewResponseController(x.ResponseWriter).SetWriteDeadline(x.writeBy) // not every writer has a connection, in tests
		x.writeBy = time.Time{}
	}
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

func (x *exchange) refuse(no *refusal) {
	x.code = no.code
	no.write(x, x.service.Name, x.inS3())
}

// finish answers for a handler that panicked, and counts and logs the exchange.
func (x *exchange) finish() {
	broken := false
	if v := recover(); v != nil {
		broken = true
		x.panicked(v)
	}
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	took := x.g.now().Sub(x.began)
	x.service.metrics.count(x.status, took)
	switch {
	case x.served:
		x.g.usage.Request(x.project.ID, x.service.Name, x.bytes-x.counted, x.status, took)
	case x.project != nil && x.service != x.g.outside && x.status >= 400 && x.status < 500:
		x.g.usage.Refused(x.project.ID, x.service.Name)
	}
	x.noteFailure(took)
	x.log(took)
	if broken && x.code == "" { // half an answer must not look whole
		panic(http.ErrAbortHandler)
	}
}

// statusClientGone is what is counted of an answer that the client did not stay for. Nobody is sent it.
const statusClientGone = 499

func (x *exchange) panicked(v any) {
	if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it like this
		x.status = max(x.status, http.StatusInternalServerError)
		if x.cut || x.r.Context().Err() != nil { // its fault, not ours
			x.status = statusClientGone
		}
		return
	}
	x.g.log.LogAttrs(x.r.Context(), slog.LevelError, "panic in a request",
		slog.String("request_id", x.id), slog.String("project", x.ref), slog.String("service", x.service.Name),
		slog.String("panic", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())))
	if x.status == 0 {
		clear(x.Header())
		x.Header().Set("X-Request-Id", x.id)
		cors(x.Header(), x.r)
		x.refuse(&errPanic)
		return
	}
	x.status = http.StatusInternalServerError
}

// log writes the one line of a request.
func (x *exchange) log(took time.Duration) {
	level := slog.LevelInfo
	if x.status >= 500 && x.served {
		level = slog.LevelWarn
	}
	ctx := x.r.Context()
	if !x.g.log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 16)
	attrs = append(attrs,
		slog.String("request_id", x.id), slog.String("project", x.ref), slog.String("service", x.service.Name),
		slog.String("method", x.r.Method), slog.String("path", x.path), slog.Int("status", x.status),
		slog.Int64("bytes", x.bytes), slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.String("role", x.role), slog.String("key", x.key), slog.String("ip", x.client.String()))
	if x.code != "" {
		attrs = append(attrs, slog.String("code", x.code))
	}
	if x.received > 0 {
		attrs = append(attrs, slog.Int64("received", x.received))
	}
	if x.err != nil {
		attrs = append(attrs, slog.String("error", x.err.Error()))
	}
	x.g.log.LogAttrs(ctx, level, "request", attrs...)
}

// metrics are those of all services.
type metrics struct {
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
}

// serviceMetrics are looked up once, not for each request.
type serviceMetrics struct {
	classes  [6]prometheus.Counter
	duration prometheus.Observer
}

func newMetrics(r prometheus.Registerer, g *Gateway) metrics {
	m := metrics{
		prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fluxbase_requests_total", Help: "Requests by service and class of status; service none reached no service.",
		}, []string{"service", "status"}),
		prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "fluxbase_request_seconds", Help: "Time to answer, by service.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"service"}),
	}
	if r != nil {
		r.MustRegister(m.requests, m.durations, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "fluxbase_gateway_tokens", Help: "Verified tokens remembered.",
		}, func() float64 { return float64(g.tokens.size()) }))
	}
	return m
}

func (m metrics) of(service string) serviceMetrics {
	out := serviceMetrics{duration: m.durations.WithLabelValues(service)}
	for i := range out.classes {
		out.classes[i] = m.requests.WithLabelValues(service, fmt.Sprintf("%dxx", i))
	}
	return out
}

func (s serviceMetrics) count(status int, took time.Duration) {
	s.classes[min(max(status/100, 0), 5)].Inc()
	s.duration.Observe(took.Seconds())
}
