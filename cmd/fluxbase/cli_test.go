package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// terminalRun is one run of the command line in a world of its own.
type terminalRun struct {
	out, err string
	code     int
}

// commandLine runs commands in this process: with its own streams, environment and profiles.
func commandLine(t *testing.T, env map[string]string) func(stdin string, args ...string) terminalRun {
	t.Helper()
	profiles := profileStore{path: filepath.Join(t.TempDir(), "fluxbase", "profiles.json")}
	return func(stdin string, args ...string) terminalRun {
		var out, errOut bytes.Buffer
		c := &cli{in: strings.NewReader(stdin), out: &out, err: &errOut, env: func(name string) string { return env[name] },
			profiles: profiles, http: &http.Client{}}
		root := &cobra.Command{Use: "fluxbase", SilenceErrors: true, SilenceUsage: true}
		c.addTo(root)
		root.SetArgs(args)
		root.SetOut(&out)
		root.SetErr(&errOut)
		code := 0
		if err := root.ExecuteContext(t.Context()); err != nil {
			code = reportError(&errOut, err, args)
		}
		return terminalRun{out.String(), errOut.String(), code}
	}
}

func TestMistakesInTheCommandAreUsageErrors(t *testing.T) {
	t.Parallel()
	run := commandLine(t, map[string]string{"FLUXBASE_ACCESS_TOKEN": "fbt_x"})
	cases := []struct {
		name, has string
		args      []string
	}{
		{"an unknown command", `unknown command "prjects"`, []string{"prjects"}},
		{"an unknown command in a group", `there is no command "fluxbase projects crate"`, []string{"projects", "crate"}},
		{"an unknown flag", "unknown flag: --what", []string{"projects", "list", "--what"}},
		{"a missing argument", "REF is missing", []string{"projects", "get"}},
		{"an argument too many", `"b" is one argument too many`, []string{"projects", "get", "a", "b"}},
		{"no organisation", "--org is missing", []string{"projects", "create", "shop"}},
		{"an isolation that is none", `--isolation is "vm"`, []string{"projects", "create", "shop", "--org", "o", "--isolation", "vm"}},
		{"an output that is none", `--output is "xml"`, []string{"projects", "list", "-o", "xml"}},
		{"an address that is none", `"localhost:8000" is not an http or https address`, []string{"orgs", "list", "--url", "localhost:8000"}},
		{"a key type that is none", `--type is "admin"`, []string{"keys", "create", "--project", "r", "name", "--type", "admin"}},
		{"an algorithm that is none", `--algorithm is "none"; it can be ES256, EdDSA, HS256, RS256`, []string{"projects", "signing-keys", "create", "r", "--algorithm", "none"}},
		{"an overlap that is none", "must not be negative", []string{"keys", "rotate", "--project", "r", "id", "--overlap", "-1h"}},
		{"no signing key", "ID is missing", []string{"projects", "signing-keys", "rotate", "r"}},
		{"no project for keys", "name the project with --project", []string{"keys", "list"}},
		{"no project for sql", "name the project with --project", []string{"sql", "-"}},
		{"a file that is not there", "no such file", []string{"sql", "--project", "r", "nowhere.sql"}},
		{"sql twice", "not both", []string{"sql", "--project", "r", "-c", "select 1", "x.sql"}},
		{"an empty command of sql", "there is no SQL to run", []string{"sql", "--project", "r", "-c", ""}},
		{"an empty input of sql", "there is no SQL to run", []string{"sql", "--project", "r", "-"}},
		{"no settings", "KEY=VALUE is missing", []string{"projects", "settings", "set", "r"}},
		{"no password", "give --email", []string{"login", "--email", "a@example.com"}},
		{"two passwords", "password-stdin", []string{"login", "--email", "a@b.c", "--password", "x", "--password-stdin"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := run("", c.args...)
			require.Equal(t, exitUsage, got.code, got.err)
			require.Contains(t, got.err, c.has)
			require.Empty(t, got.out)
		})
	}
}

func TestGroupsShowTheirCommands(t *testing.T) {
	t.Parallel()
	got := commandLine(t, nil)("", "projects")
	require.Zero(t, got.code)
	require.Contains(t, got.out, "create")
}

func TestSignedOut(t *testing.T) {
	t.Parallel()
	got := commandLine(t, nil)("", "projects", "list", "--output", "json")
	require.Equal(t, exitSignedOut, got.code)
	require.JSONEq(t, `{"error":{"reason":"NOT_SIGNED_IN","message":"You are not signed in to http://localhost:8000.",
		"hint":"Run \"fluxbase login\", or set FLUXBASE_ACCESS_TOKEN."}}`, got.err)
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	got := commandLine(t, nil)("", "orgs", "list", "--token", "fbt_x", "--url", "http://127.0.0.1:1")
	require.Equal(t, exitUnavailable, got.code)
	require.Contains(t, got.err, "Fluxbase cannot be reached")
	require.Contains(t, got.err, "fluxbase dev")
	got = commandLine(t, nil)("", "login", "--email", "a@b.c", "--password", "x", "--url", "http://127.0.0.1:1")
	require.Equal(t, exitUnavailable, got.code)
	require.NotContains(t, got.err, "password")
}

func TestNotFluxbase(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	got := commandLine(t, nil)("", "login", "--email", "a@b.c", "--password", "x", "--url", other.URL)
	require.Equal(t, exitFailure, got.code)
	require.Contains(t, got.err, "NOT_FLUXBASE")
}

func TestExplainCalls(t *testing.T) {
	t.Parallel()
	cases := []struct {
		code connect.Code
		exit int
	}{
		{connect.CodeInvalidArgument, exitUsage},
		{connect.CodeUnauthenticated, exitSignedOut},
		{connect.CodeNotFound, exitNotFound},
		{connect.CodePermissionDenied, exitDenied},
		{connect.CodeAlreadyExists, exitConflict},
		{connect.CodeFailedPrecondition, exitConflict},
		{connect.CodeResourceExhausted, exitExhausted},
		{connect.CodeUnavailable, exitUnavailable},
		{connect.CodeInternal, exitFailure},
	}
	for _, c := range cases {
		f := &fakeProjects{get: func() error {
			err := connect.NewError(c.code, errors.New("because"))
			detail, detailErr := connect.NewErrorDetail(&errdetails.ErrorInfo{Reason: "THE_REASON"})
			require.NoError(t, detailErr)
			err.AddDetail(detail)
			return err
		}}
		got := commandLine(t, nil)("", "projects", "get", "r", "--token", "t", "--url", f.serve(t))
		require.Equal(t, c.exit, got.code, c.code)
		require.Contains(t, got.err, "Error: because (THE_REASON)\n")
	}
}

func TestFieldsAtFaultAreNamed(t *testing.T) {
	t.Parallel()
	f := &fakeProjects{get: func() error {
		err := connect.NewError(connect.CodeInvalidArgument, errors.New("The request is not valid."))
		detail, detailErr := connect.NewErrorDetail(&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: "name", Description: "is too long"}}})
		require.NoError(t, detailErr)
		err.AddDetail(detail)
		return err
	}}
	got := commandLine(t, nil)("", "projects", "get", "r", "--token", "t", "--url", f.serve(t))
	require.Contains(t, got.err, "  name: is too long\n")
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	store := profileStore{path: filepath.Join(t.TempDir(), "a", "profiles.json")}
	require.Empty(t, store.current())
	require.NoError(t, store.save("http://one", profile{Email: "a@b.c", Token: "fbt_1"}))
	require.NoError(t, store.save("http://two", profile{Token: "fbt_2"}))
	require.Equal(t, "http://two", store.current())
	p, ok, err := store.find("http://one")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "fbt_1", p.Token)
	info, err := os.Stat(store.path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	folder, err := os.Stat(filepath.Dir(store.path))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), folder.Mode().Perm())
	require.NoError(t, store.forget("http://two"))
	require.Empty(t, store.current())

	require.NoError(t, os.WriteFile(store.path, []byte("{"), 0o600))
	_, _, err = store.find("http://one")
	require.ErrorContains(t, err, "remove the file and log in again")
}

func TestATokenIsSentOnlyToItsOwnAddress(t *testing.T) {
	t.Parallel()
	c := &cli{env: func(string) string { return "" }, profiles: profileStore{path: filepath.Join(t.TempDir(), "p.json")}}
	require.NoError(t, c.profiles.save("https://mine.example", profile{Token: "fbt_mine"}))
	s, err := c.session()
	require.NoError(t, err)
	require.Equal(t, "https://mine.example", s.url)
	c.flags.url = "https://other.example/"
	_, err = c.session()
	require.Equal(t, exitSignedOut, explain(err).Code)
}

func TestSettingValues(t *testing.T) {
	t.Parallel()
	cases := []struct {
		kind      setting.Type
		raw, want string
	}{
		{setting.Integer, "5", "5"},
		{setting.Integer, "five", `"five"`},
		{setting.Boolean, "true", "true"},
		{setting.String, "https://a.example", `"https://a.example"`},
		{setting.String, `"quoted"`, `"quoted"`},
		{setting.String, "5", `"5"`},
		{setting.String, "true", `"true"`},
		{setting.StringList, "public, api", `["public","api"]`},
		{setting.StringList, `["public"]`, `["public"]`},
		{setting.StringList, "[]", "[]"},
		{setting.StringList, "[broken", `["[broken"]`},
		{setting.Integer, "", ""},
		{setting.Secret, "hunter2", `"hunter2"`},
		{setting.Secret, `""`, `""`},
		{setting.Text, "<p>Hi</p>", toJSON("<p>Hi</p>")},
	}
	for _, c := range cases {
		require.Equal(t, c.want, settingValue(c.kind, c.raw), "%s %s", c.kind, c.raw)
	}
}

func TestParseSettingsRefuses(t *testing.T) {
	t.Parallel()
	known := []*controlplanev1.Setting{{Key: "a", Type: "integer"}}
	for _, args := range [][]string{{"a"}, {"=1"}, {"b=1"}, {"a=1", "a=2"}} {
		_, err := (&cli{}).parseSettings(known, args)
		require.Equal(t, exitUsage, explain(err).Code, args)
	}
}

func TestSettingsAreReadFromFilesAndTheStandardInput(t *testing.T) {
	t.Parallel()
	known := []*controlplanev1.Setting{{Key: "word", Type: "string"}, {Key: "page", Type: "text"}, {Key: "key", Type: "secret"}, {Key: "other", Type: "secret"}, {Key: "list", Type: "string_list"}}
	file := filepath.Join(t.TempDir(), "invite.html")
	require.NoError(t, os.WriteFile(file, []byte("<p>\n\"Hi\"</p>\n"), 0o600))
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, []byte("\n"), 0o600))
	cases := []struct {
		name, in  string
		args      []string
		want      map[string]string
		err, says string
	}{
		{"a secret by the standard input", "s3cret\n", []string{"key=-"}, map[string]string{"key": `"s3cret"`}, "", ""},
		{"a secret that looks like JSON is taken as it is", `"s3cret"`, []string{"key=-"}, map[string]string{"key": `"\"s3cret\""`}, "", ""},
		{"a secret in clear", "", []string{"key=s3cret"}, map[string]string{"key": `"s3cret"`}, "", "key was given on the command line"},
		{"a secret taken back", "", []string{"key="}, map[string]string{"key": ""}, "", ""},
		{"a template of a file", "", []string{"page=@" + file}, map[string]string{"page": toJSON("<p>\n\"Hi\"</p>\n")}, "", ""},
		{"a list by the standard input", "a, b\n", []string{"list=-"}, map[string]string{"list": `["a","b"]`}, "", ""},
		{"a word that begins with @ in quotes", "", []string{`word="@ada"`}, map[string]string{"word": `"@ada"`}, "", ""},
		{"two by the standard input", "s3cret", []string{"key=-", "other=-"}, nil, "cannot both be read", ""},
		{"nothing", "", []string{"key=-"}, nil, "nothing to read for key", ""},
		{"an empty file", "", []string{"page=@" + empty}, nil, "nothing to read for page", ""},
		{"no file", "", []string{"page=@nowhere.html"}, nil, "no such file", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var said bytes.Buffer
			got, err := (&cli{in: strings.NewReader(c.in), err: &said}).parseSettings(known, c.args)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				require.Equal(t, exitUsage, explain(err).Code)
				require.NotContains(t, err.Error(), "s3cret")
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			require.NotContains(t, said.String(), "s3cret")
			require.Contains(t, said.String(), c.says)
			require.Equal(t, c.says == "", said.Len() == 0)
		})
	}
}

func TestSettingsAreShownByPrefixAndWithoutSecrets(t *testing.T) {
	t.Parallel()
	known := []*controlplanev1.Setting{
		{Key: "auth.smtp.host", Type: "string", Value: `"mail.example.com"`, DefaultValue: `""`, Set: true},
		{Key: "auth.smtp.password", Type: "secret", Value: `""`, DefaultValue: `""`, Set: true},
		{Key: "auth.captcha.secret", Type: "secret", Value: `""`, DefaultValue: `""`},
		{Key: "auth.page", Type: "text", Value: toJSON(strings.Repeat("x", 100)), DefaultValue: `""`, Set: true},
	}
	show := func(names ...string) string {
		var out bytes.Buffer
		c := &cli{out: &out}
		require.NoError(t, c.printSettings(known, names))
		return out.String()
	}
	require.Contains(t, show(), "xxx…")
	require.Contains(t, show("auth.page"), strings.Repeat("x", 100))
	for _, name := range []string{"auth.smtp", "auth.smtp."} {
		require.Equal(t, 3, strings.Count(show(name), "\n"), name)
		require.Contains(t, show(name), "(set)")
		require.NotContains(t, show(name), "captcha")
	}
	require.Contains(t, show("auth.captcha.secret"), "(not set)")
	require.Error(t, (&cli{}).printSettings(known, []string{"auth.smt"}))
}

func TestTablesKeepTheTerminalSafe(t *testing.T) {
	t.Parallel()
	require.Equal(t, "ab c[31m", printable("a\x07b\tc\x1b[31m"))
}

// fakeProjects is a control plane that answers as a test wants.
type fakeProjects struct {
	controlplanev1connect.UnimplementedProjectServiceHandler
	get     func() error
	streams [][]*controlplanev1.Project // one for each time that the project is watched; then unavailable
	watched int
	late    bool // the server says that the client's time is up, before the client's own clock does
}

func (f *fakeProjects) serve(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(controlplanev1connect.NewProjectServiceHandler(f))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func (f *fakeProjects) GetProject(context.Context, *controlplanev1.GetProjectRequest) (*controlplanev1.GetProjectResponse, error) {
	return nil, f.get()
}

func (f *fakeProjects) CreateProject(context.Context, *controlplanev1.CreateProjectRequest) (*controlplanev1.CreateProjectResponse, error) {
	return &controlplanev1.CreateProjectResponse{Project: projectIn(controlplanev1.ProjectStatus_PROJECT_STATUS_PROVISIONING)}, nil
}

func (f *fakeProjects) WatchProject(_ context.Context, _ *controlplanev1.WatchProjectRequest, out *connect.ServerStream[controlplanev1.WatchProjectResponse]) error {
	f.watched++
	if f.late {
		return connect.NewError(connect.CodeDeadlineExceeded, errors.New("the request took too long"))
	}
	if len(f.streams) == 0 {
		return connect.NewError(connect.CodeUnavailable, errors.New("restarting"))
	}
	for _, p := range f.streams[0] {
		if err := out.Send(&controlplanev1.WatchProjectResponse{Project: p}); err != nil {
			return err
		}
	}
	f.streams = f.streams[1:]
	return nil
}

func projectIn(status controlplanev1.ProjectStatus) *controlplanev1.Project {
	return &controlplanev1.Project{Ref: "abcdefghijklmnopqrst", Status: status}
}

func TestWaitingOpensABrokenStreamAgain(t *testing.T) {
	t.Parallel()
	f := &fakeProjects{streams: [][]*controlplanev1.Project{
		{projectIn(controlplanev1.ProjectStatus_PROJECT_STATUS_PROVISIONING)},
		{projectIn(controlplanev1.ProjectStatus_PROJECT_STATUS_PROVISIONING), projectIn(controlplanev1.ProjectStatus_PROJECT_STATUS_ACTIVE)},
	}}
	s := &session{cli: &cli{http: &http.Client{}}, url: f.serve(t)}
	p, err := s.settle(t.Context(), projectIn(controlplanev1.ProjectStatus_PROJECT_STATUS_PROVISIONING), controlplanev1.ProjectStatus_PROJECT_STATUS_ACTIVE, time.Minute)
	require.NoError(t, err)
	require.Equal(t, "ACTIVE", statusOf(p))
	require.Equal(t, 2, f.watched)
}

func TestAFailedProjectFailsTheCommand(t *testing.T) {
	t.Parallel()
	failed := projectIn(controlplanev1.ProjectStatus_PROJECT_STATUS_FAILED)
	failed.FailureMessage = "The cluster refused"
	f := &fakeProjects{streams: [][]*controlplanev1.Project{{failed}}}
	got := commandLine(t, nil)("", "projects", "create", "shop", "--org", "o", "--wait", "--token", "t", "--url", f.serve(t), "-o", "json")
	require.Equal(t, exitFailure, got.code)
	require.Empty(t, got.out)
	var answer struct {
		Error cliError `json:"error"`
	}
	require.NoError(t, json.Unmarshal([]byte(got.err), &answer))
	require.Equal(t, "PROJECT_FAILED", answer.Error.Reason)
	require.Equal(t, "Project abcdefghijklmnopqrst failed: The cluster refused.", answer.Error.Message)
}

func TestWaitingEndsByTheServersClock(t *testing.T) {
	t.Parallel()
	f := &fakeProjects{late: true}
	s := &session{cli: &cli{http: &http.Client{}}, url: f.serve(t)}
	_, err := s.settle(t.Context(), projectIn(controlplanev1.ProjectStatus_PROJECT_STATUS_PROVISIONING), controlplanev1.ProjectStatus_PROJECT_STATUS_ACTIVE, 100*time.Millisecond)
	var told *cliError
	require.ErrorAs(t, err, &told)
	require.Equal(t, "WAIT_TIMEOUT", told.Reason)
	require.Contains(t, told.Message, "abcdefghijklmnopqrst is PROVISIONING")
}

func TestWaitingEnds(t *testing.T) {
	t.Parallel()
	f := &fakeProjects{}
	got := commandLine(t, nil)("", "projects", "create", "shop", "--org", "o", "--wait", "--timeout", "50ms", "--token", "t", "--url", f.serve(t))
	require.Equal(t, exitUnavailable, got.code)
	require.Contains(t, got.err, "is PROVISIONING after 50ms")
}

func TestErrorsInSQLShowTheLine(t *testing.T) {
	t.Parallel()
	text := "select 1;\nselect wörld frm x;\n"
	err := explainSQL(http.StatusBadRequest, []byte(`{"code":"42601","message":"syntax error at or near \"x\"","hint":"Look again.","position":28}`), text)
	e := explain(err)
	require.Equal(t, exitFailure, e.Code)
	require.Equal(t, "42601", e.Reason)
	require.Equal(t, "LINE 2: select wörld frm x;\n                         ^\nLook again.", e.Hint)
	require.Empty(t, lineAt(text, 0))
	require.Empty(t, lineAt(text, 1000))
}

func TestResultsAreTables(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := &cli{out: &out}
	var results []resultJSON
	require.NoError(t, json.Unmarshal([]byte(`[{"command":"CREATE TABLE"},
		{"command":"SELECT 2","columns":[{"name":"id"},{"name":"note"}],"rows":[[1,"a\u001b[2Jb"],[2,null]]}]`), &results))
	require.NoError(t, c.printResults(results))
	require.Equal(t, "CREATE TABLE\n\nid  note\n1   a[2Jb\n2\n(2 rows)\n", out.String())
}

func TestErrorsSayThingsOnce(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	reportError(&out, &cliError{Code: exitUsage, Reason: "SETTING_INVALID", Message: "Nothing was changed: rest.max_rows must be from 1 to 9.",
		Fields: map[string]string{"values[rest.max_rows]": "rest.max_rows must be from 1 to 9", "values[rest.x]": "rest.x must be true or false", "name": "is taken"}}, nil)
	require.Equal(t, "Error: Nothing was changed: rest.max_rows must be from 1 to 9. (SETTING_INVALID)\n  name: is taken\n  rest.x must be true or false\n", out.String())
}
