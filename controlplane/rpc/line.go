package rpc

import (
	"context"
	"log/slog"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
)

// liner is the interceptor that logs one line for each request and stream: who asked what, of which project, and what came
// of it. Nothing that was sent is in it.
type liner struct{ log *slog.Logger }

var _ connect.Interceptor = liner{}

// line is what the gate finds out of a request for its line.
type line struct {
	account      uuid.UUID
	organization string
	ref          string
}

type lineKey struct{}

// lineOf returns the line of a request; it is never nil.
func lineOf(ctx context.Context) *line {
	if l, ok := ctx.Value(lineKey{}).(*line); ok {
		return l
	}
	return &line{}
}

// WrapUnary logs requests.
func (l liner) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		began, found := time.Now(), &line{}
		res, err := next(context.WithValue(ctx, lineKey{}, found), req)
		l.write(ctx, req.Spec().Procedure, found, began, err)
		return res, err
	}
}

// WrapStreamingClient does nothing: there are no clients here.
func (l liner) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler logs streams when they end.
func (l liner) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		began, found := time.Now(), &line{}
		err := next(context.WithValue(ctx, lineKey{}, found), conn)
		l.write(ctx, conn.Spec().Procedure, found, began, err)
		return err
	}
}

func (l liner) write(ctx context.Context, procedure string, found *line, began time.Time, err error) {
	meta, code := requestOf(ctx), "ok"
	if err != nil {
		code = connect.CodeOf(err).String()
	}
	attrs := []slog.Attr{
		slog.String("request_id", meta.id), slog.String("procedure", procedure), slog.String("code", code),
		slog.Float64("ms", float64(time.Since(began).Microseconds())/1000), slog.String("ip", meta.ip),
	}
	if found.account != uuid.Nil {
		attrs = append(attrs, slog.String("account", found.account.String()))
	}
	if found.organization != "" {
		attrs = append(attrs, slog.String("organization", found.organization))
	}
	if found.ref != "" {
		attrs = append(attrs, slog.String("project", found.ref))
	}
	l.log.LogAttrs(ctx, slog.LevelInfo, "request", attrs...)
}
