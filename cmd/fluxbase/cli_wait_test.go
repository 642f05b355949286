package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// TestWaitingEndsWhenTheProjectAnswers: workers learn later than the control plane that a project is active.
func TestWaitingEndsWhenTheProjectAnswers(t *testing.T) {
	t.Parallel()
	wait := func(t *testing.T, limit time.Duration, statuses ...int) (asked int, told string, err error) {
		t.Helper()
		worker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/p/abcdefghijklmnopqrst/storage/v1/status" {
				w.WriteHeader(http.StatusTeapot)
				return
			}
			w.WriteHeader(statuses[min(asked, len(statuses)-1)])
			asked++
		}))
		defer worker.Close()
		p := projectIn(controlplanev1.ProjectStatus_PROJECT_STATUS_ACTIVE)
		p.PathUrl = worker.URL + "/p/" + p.GetRef()
		var says strings.Builder
		s := &session{cli: &cli{http: &http.Client{}, err: &says}, url: worker.URL}
		_, err = s.settle(t.Context(), p, controlplanev1.ProjectStatus_PROJECT_STATUS_ACTIVE, limit)
		return asked, says.String(), err
	}
	asked, _, err := wait(t, time.Minute, 503, 404, 410, 200)
	require.NoError(t, err)
	require.Equal(t, 4, asked)
	asked, _, err = wait(t, time.Minute, 402)
	require.NoError(t, err, "a project over its quota answers that")
	require.Equal(t, 1, asked)
	_, _, err = wait(t, 300*time.Millisecond, 503)
	var told *cliError
	require.ErrorAs(t, err, &told)
	require.Equal(t, "WAIT_TIMEOUT", told.Reason)
	require.Contains(t, told.Message, "does not answer")

	p := projectIn(controlplanev1.ProjectStatus_PROJECT_STATUS_ACTIVE)
	port, err := testkit.FreePort()
	require.NoError(t, err)
	p.PathUrl = fmt.Sprintf("http://127.0.0.1:%d/p/%s", port, p.GetRef())
	var says strings.Builder
	s := &session{cli: &cli{http: &http.Client{}, err: &says}}
	_, err = s.settle(t.Context(), p, controlplanev1.ProjectStatus_PROJECT_STATUS_ACTIVE, time.Minute)
	require.NoError(t, err, "the workers need not be in reach")
	require.Contains(t, says.String(), "cannot be reached from here")
}
