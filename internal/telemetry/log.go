// Package telemetry is what a process tells about itself: logs, metrics and traces.
package telemetry

import (
	"context"
	"io"
	"log/slog"
	"os"
	"slices"

	"github.com/wayli-app/fluxbase/internal/config"
)

// NewLogger makes the process's logger. Every line has the attributes that With put into its context.
func NewLogger(w io.Writer, c config.Config) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // checked by config
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewJSONHandler(w, options)
	if c.LogFormat == "text" || c.LogFormat == "auto" && c.Dev && isTerminal(w) {
		handler = slog.NewTextHandler(w, options)
	}
	return slog.New(contextHandler{handler})
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

type attributesKey struct{}

// With returns a context whose log lines have the attributes, for example the request's id and the project's ref.
func With(ctx context.Context, attributes ...slog.Attr) context.Context {
	return context.WithValue(ctx, attributesKey{}, append(slices.Clip(attributesOf(ctx)), attributes...))
}

func attributesOf(ctx context.Context) []slog.Attr {
	attributes, _ := ctx.Value(attributesKey{}).([]slog.Attr)
	return attributes
}

// contextHandler adds the context's attributes.
type contextHandler struct{ slog.Handler }

// Handle implements slog.Handler.
func (h contextHandler) Handle(ctx context.Context, r slog.Record) error {
	if attributes := attributesOf(ctx); len(attributes) > 0 {
		r = r.Clone()
		r.AddAttrs(attributes...)
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h contextHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return contextHandler{h.Handler.WithAttrs(attributes)}
}

// WithGroup implements slog.Handler.
func (h contextHandler) WithGroup(name string) slog.Handler {
	return contextHandler{h.Handler.WithGroup(name)}
}
