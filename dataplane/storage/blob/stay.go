package blob

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// escapes reports whether a store that keeps objects in files may take a key or an upload's id for one of another bucket.
func escapes(s string) bool {
	if !strings.Contains(s, "..") {
		return false
	}
	for segment := range strings.FieldsFuncSeq(s, func(c rune) bool { return c == '/' || c == '\\' }) {
		if segment == ".." {
			return true
		}
	}
	return false
}

// names are the fields of requests that stores make paths of.
var names = []string{"Key", "CopySource", "Prefix", "Marker", "StartAfter", "KeyMarker", "UploadId", "UploadIdMarker"}

// stay refuses every request that would leave its bucket. No key of ours does; but keys and ids of uploads are kept in the project's database, whose owner may
// have written them there, and versitygw 1.8, for one, removes another's bucket for such an id.
func stay(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("StayInTheBucket",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			if err := stays(in.Parameters); err != nil {
				return middleware.InitializeOutput{}, middleware.Metadata{}, err
			}
			return next.HandleInitialize(ctx, in)
		}), middleware.Before)
}

func stays(request any) error {
	fields := reflect.Indirect(reflect.ValueOf(request))
	for _, name := range names {
		text, ok := field[string](fields, name)
		if !ok || !escapes(text) {
			continue
		}
		if name == "UploadId" {
			return fault.Wrap(fmt.Errorf("%q is no id of an upload", text), fault.NotFound, "NO_SUCH_UPLOAD",
				"The upload is not there: it was completed, aborted or has expired.")
		}
		return noKey(text)
	}
	if asked, ok := field[types.Delete](fields, "Delete"); ok {
		for _, o := range asked.Objects {
			if o.Key != nil && escapes(*o.Key) {
				return noKey(*o.Key)
			}
		}
	}
	return nil
}

// field is what a field points to.
func field[T any](of reflect.Value, name string) (value T, ok bool) {
	f := of.FieldByName(name)
	if !f.IsValid() {
		return value, false
	}
	to, ok := f.Interface().(*T)
	if !ok || to == nil {
		return value, false
	}
	return *to, true
}

func noKey(key string) error {
	return fault.Wrap(fmt.Errorf("%q is no key", key), fault.NotFound, "NO_SUCH_KEY", "Object not found")
}
