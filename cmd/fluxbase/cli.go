package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
)

// defaultURL is where "fluxbase dev" answers.
const defaultURL = "http://localhost:8000"

// callTimeout bounds one call, streams aside.
const callTimeout = 30 * time.Second

// cli is what every command of users shares: flags, streams, environment and the profiles on disk.
type cli struct {
	flags struct {
		url, token, output string
	}
	in       io.Reader
	out, err io.Writer
	env      func(string) string
	profiles profileStore
	http     *http.Client
}

// addUserCommands adds the commands for people and scripts that use an installation of Fluxbase.
func addUserCommands(root *cobra.Command) {
	c := &cli{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Getenv,
		profiles: profileStore{path: profilePath(os.Getenv)},
		http:     &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 4}},
	}
	c.addTo(root)
}

func (c *cli) addTo(root *cobra.Command) {
	const groupID = "use"
	root.AddGroup(&cobra.Group{ID: groupID, Title: "Use Fluxbase:"})
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	for _, cmd := range []*cobra.Command{
		c.signupCommand(), c.loginCommand(), c.logoutCommand(), c.whoamiCommand(), c.tokensCommand(),
		c.orgsCommand(), c.projectsCommand(), c.keysCommand(), c.sqlCommand(),
	} {
		cmd.GroupID = groupID
		flags := cmd.PersistentFlags()
		flags.StringVar(&c.flags.url, "url", "", "address of Fluxbase (FLUXBASE_URL, else the one signed in to, else "+defaultURL+")")
		flags.StringVar(&c.flags.token, "token", "", "access token to use (FLUXBASE_ACCESS_TOKEN, else the saved one)")
		flags.StringVarP(&c.flags.output, "output", "o", "table", "form of the answer: table or json")
		root.AddCommand(cmd)
	}
}

// url is the address of the installation, without a slash at its end.
func (c *cli) url() (string, error) {
	for _, candidate := range []string{c.flags.url, c.env("FLUXBASE_URL"), c.profiles.current(), defaultURL} {
		if candidate == "" {
			continue
		}
		if !strings.HasPrefix(candidate, "http://") && !strings.HasPrefix(candidate, "https://") {
			return "", usageError{fmt.Errorf("%q is not an http or https address", candidate)}
		}
		return strings.TrimRight(candidate, "/"), nil
	}
	return defaultURL, nil
}

// session is a signed-in caller of one installation.
type session struct {
	*cli
	url, token string
}

// session finds the address and the access token. It fails when there is no token.
func (c *cli) session() (*session, error) {
	url, err := c.url()
	if err != nil {
		return nil, err
	}
	token := firstOf(c.flags.token, c.env("FLUXBASE_ACCESS_TOKEN"))
	if token == "" {
		p, _, err := c.profiles.find(url)
		if err != nil {
			return nil, err
		}
		token = p.Token
	}
	if token == "" {
		return nil, &cliError{Code: exitSignedOut, Reason: "NOT_SIGNED_IN", Message: "You are not signed in to " + url + ".",
			Hint: "Run \"fluxbase login\", or set FLUXBASE_ACCESS_TOKEN."}
	}
	return &session{cli: c, url: url, token: token}, nil
}

func (s *session) options() connect.ClientOption { return connect.WithInterceptors(bearer(s.token)) }

func (s *session) accounts() controlplanev1connect.AccountServiceClient {
	return controlplanev1connect.NewAccountServiceClient(s.http, s.url, s.options())
}

func (s *session) organizations() controlplanev1connect.OrganizationServiceClient {
	return controlplanev1connect.NewOrganizationServiceClient(s.http, s.url, s.options())
}

func (s *session) projects() controlplanev1connect.ProjectServiceClient {
	return controlplanev1connect.NewProjectServiceClient(s.http, s.url, s.options())
}

func (s *session) keys() controlplanev1connect.KeyServiceClient {
	return controlplanev1connect.NewKeyServiceClient(s.http, s.url, s.options())
}

// bearer puts the access token on every call, and bounds the time of those that are not streams.
type bearer string

func (b bearer) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		req.Header().Set("Authorization", "Bearer "+string(b))
		return next(ctx, req)
	}
}

func (b bearer) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		conn := next(ctx, spec)
		conn.RequestHeader().Set("Authorization", "Bearer "+string(b))
		return conn
	}
}

func (b bearer) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

var _ connect.Interceptor = bearer("")

// signedIn makes a command's run function out of one that needs a session.
func (c *cli) signedIn(run func(ctx context.Context, s *session, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := c.checkOutput(); err != nil {
			return err
		}
		s, err := c.session()
		if err != nil {
			return err
		}
		return run(cmd.Context(), s, args)
	}
}

// group makes a command that only holds others.
func group(use, short string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, RunE: func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usageError{fmt.Errorf("there is no command %q; see \"%s --help\"", cmd.CommandPath()+" "+args[0], cmd.CommandPath())}
		}
		return cmd.Help()
	}}
	cmd.AddCommand(children...)
	return cmd
}

// takes checks the number of arguments and names what is missing.
func takes(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usageError{fmt.Errorf("%s is missing; usage: %s", names[len(args)], cmd.UseLine())}
		case len(args) > len(names):
			return usageError{fmt.Errorf("%q is one argument too many; usage: %s", args[len(names)], cmd.UseLine())}
		}
		return nil
	}
}

// terminal reports whether a stream is a terminal.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func firstOf(candidates ...string) string {
	for _, s := range candidates {
		if s != "" {
			return s
		}
	}
	return ""
}
