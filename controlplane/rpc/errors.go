package rpc

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// domain is whose reasons the ErrorInfo details carry.
const domain = "fluxbase"

var codeOf = map[fault.Kind]connect.Code{
	fault.Internal: connect.CodeInternal, fault.Invalid: connect.CodeInvalidArgument, fault.Unauthenticated: connect.CodeUnauthenticated,
	fault.Denied: connect.CodePermissionDenied, fault.NotFound: connect.CodeNotFound, fault.Exists: connect.CodeAlreadyExists,
	fault.FailedPrecondition: connect.CodeFailedPrecondition, fault.Exhausted: connect.CodeResourceExhausted,
	fault.Unavailable: connect.CodeUnavailable, fault.Canceled: connect.CodeCanceled,
	fault.DeadlineExceeded: connect.CodeDeadlineExceeded, fault.Unimplemented: connect.CodeUnimplemented,
}

// translator is the outermost interceptor: it makes every error one of Connect's, with details for programs, and logs those
// that are our fault.
type translator struct{ log *slog.Logger }

var _ connect.Interceptor = translator{}

// WrapStreamingClient does nothing: there are no clients here.
func (t translator) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapUnary translates the errors of requests.
func (t translator) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		res, err := next(ctx, req)
		if err != nil {
			return nil, t.translate(ctx, req.Spec().Procedure, err)
		}
		return res, nil
	}
}

// WrapStreamingHandler translates the errors of streams.
func (t translator) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		if err := next(ctx, conn); err != nil {
			return t.translate(ctx, conn.Spec().Procedure, err)
		}
		return nil
	}
}

func (t translator) translate(ctx context.Context, procedure string, err error) error {
	var made *connect.Error
	if errors.As(err, &made) {
		return made
	}
	var f *fault.Error
	if !errors.As(err, &f) {
		switch {
		case errors.Is(err, context.Canceled):
			f = fault.Wrap(err, fault.Canceled, "CANCELED", "The request was cancelled.")
		case errors.Is(err, context.DeadlineExceeded):
			f = fault.Wrap(err, fault.DeadlineExceeded, "TIMEOUT", "The request took too long.")
		default:
			f = fault.From(err)
		}
	}
	requestID := requestOf(ctx).id
	if f.Kind == fault.Internal {
		t.log.ErrorContext(ctx, "request failed", "procedure", procedure, "request_id", requestID, "error", err)
		f = fault.From(errors.New("hidden")) // only the neutral message goes out
	}
	return render(f, requestID)
}

func render(f *fault.Error, requestID string) *connect.Error {
	out := connect.NewError(codeOf[f.Kind], errors.New(f.Message))
	info := &errdetails.ErrorInfo{Reason: f.Reason, Domain: domain, Metadata: map[string]string{}}
	if requestID != "" {
		info.Metadata["request_id"] = requestID
	}
	if detail, err := connect.NewErrorDetail(info); err == nil {
		out.AddDetail(detail)
	}
	if f.RetryAfter > 0 {
		out.Meta().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
		if detail, err := connect.NewErrorDetail(&errdetails.RetryInfo{RetryDelay: durationpb.New(f.RetryAfter)}); err == nil {
			out.AddDetail(detail)
		}
	}
	if len(f.Fields) == 0 {
		return out
	}
	bad := &errdetails.BadRequest{}
	for _, field := range slices.Sorted(maps.Keys(f.Fields)) {
		bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: field, Description: f.Fields[field], Reason: f.Reason})
	}
	if detail, err := connect.NewErrorDetail(bad); err == nil {
		out.AddDetail(detail)
	}
	return out
}

// invalid makes a fault of protovalidate's violations.
func invalid(err error) error {
	var violations *protovalidate.ValidationError
	if !errors.As(err, &violations) {
		return err
	}
	fields := map[string]string{}
	var texts []string
	for _, v := range violations.Violations {
		name, text := protovalidate.FieldPathString(v.Proto.GetField()), v.Proto.GetMessage()
		if text == "" {
			text = "is not valid (" + v.Proto.GetRuleId() + ")"
		}
		if _, seen := fields[name]; seen {
			continue
		}
		fields[name] = text
		texts = append(texts, strings.TrimSpace(name+": "+text))
	}
	return &fault.Error{Kind: fault.Invalid, Reason: "REQUEST_INVALID", Message: "The request is not valid: " + strings.Join(texts, "; ") + ".", Fields: fields}
}
