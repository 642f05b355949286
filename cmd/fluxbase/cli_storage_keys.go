package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// accessKeyJSON is an access key of the S3 protocol; what it is made with is there once.
type accessKeyJSON struct {
	ID          string     `json:"id"`
	Description string     `json:"description"`
	CreatedAt   *time.Time `json:"created_at"`
	LastUsedAt  *time.Time `json:"last_used_at"`
	AccessKey   string     `json:"access_key,omitempty"`
	SecretKey   string     `json:"secret_key,omitempty"`
	Endpoint    string     `json:"endpoint,omitempty"`
}

func (c *cli) storageKeysCommand() *cobra.Command {
	return group("keys", "Manage the access keys of a project's S3 protocol", c.storageKeysListCommand(), c.storageKeysCreateCommand(), c.storageKeysDeleteCommand())
}

func (c *cli) storageKeysListCommand() *cobra.Command {
	var ref string
	cmd := &cobra.Command{
		Use: "list [REF]", Short: "List a project's S3 access keys, the oldest first", Example: "  fluxbase projects storage keys list --project abcdefghijklmnopqrst",
		RunE: c.ofProject(&ref, nil, func(ctx context.Context, s *session, _ []string) error {
			keys := []accessKeyJSON{}
			if _, err := s.storage(ctx, ref, http.MethodGet, "/s3-keys", nil, &keys); err != nil {
				return err
			}
			rows := [][]string{{"ID", "DESCRIPTION", "CREATED", "LAST USED"}}
			for _, k := range keys {
				rows = append(rows, []string{k.ID, k.Description, timeText(k.CreatedAt, ""), timeText(k.LastUsedAt, "never")})
			}
			return s.print(keys, rows)
		}),
	}
	cmd.Flags().StringVar(&ref, "project", "", "ref of the project")
	return cmd
}

func (c *cli) storageKeysCreateCommand() *cobra.Command {
	var ref string
	cmd := &cobra.Command{
		Use: "create [REF] DESCRIPTION", Short: "Make an S3 access key, which acts as the service role; its secret is shown once",
		Example: "  fluxbase projects storage keys create backups --project abcdefghijklmnopqrst",
		RunE: c.ofProject(&ref, []string{"DESCRIPTION"}, func(ctx context.Context, s *session, args []string) error {
			var k accessKeyJSON
			base, err := s.storage(ctx, ref, http.MethodPost, "/s3-keys", map[string]string{"description": args[0]}, &k)
			if err != nil {
				return err
			}
			k.Endpoint = base + "/s3"
			s.say("Keep the secret now: it is not shown again. The key passes over row level security. Clients use path style, and any region.")
			return s.print(k, [][]string{{"ACCESS KEY", k.AccessKey}, {"SECRET KEY", k.SecretKey}, {"ENDPOINT", k.Endpoint}, {"DESCRIPTION", k.Description}})
		}),
	}
	cmd.Flags().StringVar(&ref, "project", "", "ref of the project")
	return cmd
}

func (c *cli) storageKeysDeleteCommand() *cobra.Command {
	var ref string
	cmd := &cobra.Command{
		Use: "delete [REF] ID", Short: "End an S3 access key, on every worker within seconds",
		Example: "  fluxbase projects storage keys delete 86923f0c… --project abcdefghijklmnopqrst",
		RunE: c.ofProject(&ref, []string{"ID"}, func(ctx context.Context, s *session, args []string) error {
			if _, err := s.storage(ctx, ref, http.MethodDelete, "/s3-keys/"+url.PathEscape(args[0]), nil, nil); err != nil {
				return err
			}
			return s.print(map[string]string{"id": args[0]}, [][]string{{"Deleted " + args[0] + "."}})
		}),
	}
	cmd.Flags().StringVar(&ref, "project", "", "ref of the project")
	return cmd
}

// storage asks a project's storage service, as a developer of the project, and reads the answer into out unless that is nil. It returns where the
// service is.
func (s *session) storage(ctx context.Context, ref, method, path string, body, out any) (base string, err error) {
	token, project, err := s.developer(ctx, ref)
	if err != nil {
		return "", err
	}
	base = project.GetPathUrl() + "/storage/v1"
	return base, s.askStorage(ctx, method, base+path, token, body, out)
}

// askStorage sends a body, unless it is nil, as JSON.
func (s *session) askStorage(ctx context.Context, method, address, token string, body, out any) error {
	header, encoded := http.Header{"Authorization": {"Bearer " + token}}, []byte(nil)
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			return fmt.Errorf("encode the request: %w", err)
		}
		header.Set("Content-Type", "application/json")
	}
	status, answer, err := s.exchange(ctx, method, address, header, encoded)
	switch {
	case err != nil:
		return err
	case status < 200 || status > 299:
		return explainStorage(status, answer)
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("read the project's answer: %w", err)
	}
	return nil
}
