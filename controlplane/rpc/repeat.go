package rpc

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/wayli-app/fluxbase/controlplane/idempotency"
	"github.com/wayli-app/fluxbase/internal/fault"
)

type keyed interface {
	proto.Message
	GetIdempotencyKey() string
}

// once answers a request that has an idempotency key as it was answered the first time. Without a key it just runs fn.
func once[R proto.Message](ctx context.Context, keys *idempotency.Keys, procedure string, req keyed, fn func(context.Context) (R, error)) (R, error) {
	if req.GetIdempotencyKey() == "" {
		return fn(ctx)
	}
	var none R
	steady := proto.MarshalOptions{Deterministic: true}
	body, err := steady.Marshal(req)
	if err != nil {
		return none, fmt.Errorf("encode request: %w", err)
	}
	in := idempotency.Request{Account: accessOf(ctx).account.ID, Procedure: procedure, Key: req.GetIdempotencyKey(), Body: body}
	encoded, err := keys.Do(ctx, in, func(ctx context.Context) ([]byte, error) {
		res, err := fn(ctx)
		if err != nil {
			return nil, err
		}
		return steady.Marshal(res)
	})
	if err != nil {
		return none, err
	}
	out := none.ProtoReflect().New().Interface().(R)
	if err := proto.Unmarshal(encoded, out); err != nil {
		return none, fmt.Errorf("decode kept response: %w", err)
	}
	return out, nil
}

// masked checks an update mask and returns what it names.
func masked(mask *fieldmaskpb.FieldMask, allowed ...string) (map[string]bool, error) {
	out := map[string]bool{}
	for _, path := range mask.GetPaths() {
		if !slices.Contains(allowed, path) {
			return nil, badMask(fmt.Sprintf("%q cannot be changed; it may name %s", path, strings.Join(allowed, ", ")))
		}
		out[path] = true
	}
	if len(out) == 0 {
		return nil, badMask("must name what to change: " + strings.Join(allowed, ", "))
	}
	return out, nil
}

func badMask(problem string) error {
	return &fault.Error{Kind: fault.Invalid, Reason: "UPDATE_MASK_INVALID", Message: "The update mask is not valid: " + problem + ".",
		Fields: map[string]string{"update_mask": problem}}
}
