package meta

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"

	"github.com/wayli-app/fluxbase/dataplane/failure"
	"github.com/wayli-app/fluxbase/dataplane/projectdb"
	"github.com/wayli-app/fluxbase/internal/fault"
)

// Failures are the requests of a project that failed: failure.Journal.
type Failures interface {
	List(ctx context.Context, ref string, f failure.Filter) (list []failure.Failure, more bool, err error)
}

var (
	errFailuresStatus  = fault.New(fault.Invalid, "STATUS_INVALID", "status must be one from 400 to 599, or 4xx or 5xx.")
	errFailuresService = fault.New(fault.Invalid, "SERVICE_INVALID", "service must be rest, api, auth, storage, realtime, functions, meta or none.")
	errFailuresBefore  = fault.New(fault.Invalid, "BEFORE_INVALID", "before must be the id of a failure that was listed.")
	errFailuresSearch  = fault.New(fault.Invalid, "SEARCH_INVALID", "search must be of at most 200 bytes.")
)

var (
	failureServices = []string{"rest", "api", "auth", "storage", "realtime", "functions", "meta", "none"}
	failureID       = regexp.MustCompile(`^[0-9a-f]{17}$`)
)

// failuresList answers ?limit= failures, newest first, from those before the id ?before=; ?status= is one or a class of them, ?service= a service,
// ?search= a part of the path, code or request id. The header X-Next-Before is set while there are older ones.
func failuresList(failures Failures) handler {
	return func(w http.ResponseWriter, r *http.Request, session *projectdb.Session) error {
		filter, err := failureFilter(r.URL.Query())
		if err != nil {
			return err
		}
		list, more, err := failures.List(r.Context(), session.Project.Ref, filter)
		if err != nil {
			return err
		}
		if more {
			w.Header().Set("X-Next-Before", list[len(list)-1].ID)
		}
		return writeJSON(w, http.StatusOK, list)
	}
}

func failureFilter(values url.Values) (failure.Filter, error) {
	f := failure.Filter{Before: values.Get("before"), Service: values.Get("service"), Search: values.Get("search")}
	var err error
	if f.Limit, err = number(values, "limit", 50, 1, 2*failure.Kept); err != nil {
		return f, err
	}
	if f.Before != "" && !failureID.MatchString(f.Before) {
		return f, errFailuresBefore
	}
	if f.Service != "" && !slices.Contains(failureServices, f.Service) {
		return f, errFailuresService
	}
	if len(f.Search) > 200 {
		return f, errFailuresSearch
	}
	switch status := values.Get("status"); status {
	case "":
	case "4xx":
		f.Least, f.Most = 400, 499
	case "5xx":
		f.Least, f.Most = 500, 599
	default:
		one, err := strconv.Atoi(status)
		if err != nil || one < 400 || one > 599 {
			return f, errFailuresStatus
		}
		f.Least, f.Most = one, one
	}
	return f, nil
}
