package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// reconcileJSON is what a reconciliation found, of all its parts.
type reconcileJSON struct {
	DryRun   bool             `json:"dry_run"`
	Checked  map[string]int64 `json:"checked"`
	Problems []problemJSON    `json:"problems"`
	Next     string           `json:"next,omitempty"`
}

type problemJSON struct {
	Kind     string   `json:"kind"`
	Means    string   `json:"means"`
	Count    int64    `json:"count"`
	Bytes    int64    `json:"bytes,omitempty"`
	Repaired int64    `json:"repaired"`
	Examples []string `json:"examples,omitempty"`
}

// add puts a later part to the earlier ones.
func (r *reconcileJSON) add(part reconcileJSON) {
	for name, n := range part.Checked {
		r.Checked[name] += n
	}
	for _, p := range part.Problems {
		at := slices.IndexFunc(r.Problems, func(q problemJSON) bool { return q.Kind == p.Kind })
		if at < 0 {
			r.Problems = append(r.Problems, p)
			continue
		}
		q := &r.Problems[at]
		q.Count, q.Bytes, q.Repaired = q.Count+p.Count, q.Bytes+p.Bytes, q.Repaired+p.Repaired
		if len(q.Examples) < maxProblemExamples {
			q.Examples = append(q.Examples, p.Examples...)
		}
	}
}

// maxProblemExamples is how many examples of a problem are gathered.
const maxProblemExamples = 20

func (c *cli) storageCommand() *cobra.Command {
	return group("storage", "Look after a project's files", c.storageKeysCommand(), c.storageReconcileCommand())
}

func (c *cli) storageReconcileCommand() *cobra.Command {
	var repair, dropRows bool
	cmd := &cobra.Command{
		Use: "reconcile REF", Short: "Compare the rows of a project's files with the bytes in its bucket", Args: takes("REF"),
		Long: `Compare the rows of a project's files with the bytes in its bucket, while the project is used. Nothing is changed without --repair.

--repair puts right what loses no file: it removes bytes that belong to nothing, counts what is stored anew, ends uploads that nobody goes on
with. Every project is repaired so once a week by itself.

--drop-rows removes the rows of files whose bytes are gone, besides. Such files cannot be read any more; look at the report first, because a
store that was restored or a bucket that was mistaken for another looks the same.

The exit code is 0 when rows and bytes agree or all was repaired, else 1.`,
		Example: `  fluxbase projects storage reconcile abcdefghijklmnopqrst
  fluxbase projects storage reconcile abcdefghijklmnopqrst --repair -o json`,
		RunE: c.signedIn(func(ctx context.Context, s *session, args []string) error {
			if dropRows && !repair {
				return usageError{fmt.Errorf("--drop-rows changes the project: give --repair with it")}
			}
			token, project, err := s.developer(ctx, args[0])
			if err != nil {
				return err
			}
			found := reconcileJSON{DryRun: !repair, Checked: map[string]int64{}, Problems: []problemJSON{}}
			for first := true; first || found.Next != ""; first = false {
				var part reconcileJSON
				body := map[string]any{"dry_run": !repair, "drop_rows": dropRows, "cursor": found.Next}
				if err := s.askStorage(ctx, http.MethodPost, project.GetPathUrl()+"/storage/v1/reconcile", token, body, &part); err != nil {
					return err
				}
				found.add(part)
				if found.Next = part.Next; found.Next != "" {
					s.say("%d files' bytes compared so far…", found.Checked["keys"])
				}
			}
			if err := s.print(found, found.table()); err != nil {
				return err
			}
			return found.verdict()
		}),
	}
	cmd.Flags().BoolVar(&repair, "repair", false, "put right what loses no file")
	cmd.Flags().BoolVar(&dropRows, "drop-rows", false, "with --repair: remove the rows of files whose bytes are gone")
	return cmd
}

// explainStorage makes an error of what the storage service answered. Its body tells the status that older clients do not see.
func explainStorage(status int, answer []byte) error {
	var got struct {
		Status  string `json:"statusCode"`
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(answer, &got) // what is no JSON has no message either
	if told, err := strconv.Atoi(got.Status); err == nil {
		status = told
	}
	encoded, err := json.Marshal(map[string]string{"error_code": got.Code, "message": got.Message})
	if err != nil {
		return err
	}
	return explainAuth(status, encoded)
}

func (r *reconcileJSON) table() [][]string {
	rows := [][]string{{"PROBLEM", "COUNT", "BYTES", "REPAIRED", "MEANS", "FOR EXAMPLE"}}
	for _, p := range r.Problems {
		example := ""
		if len(p.Examples) > 0 {
			example = p.Examples[0]
		}
		rows = append(rows, []string{p.Kind, strconv.FormatInt(p.Count, 10), strconv.FormatInt(p.Bytes, 10), strconv.FormatInt(p.Repaired, 10), p.Means, example})
	}
	if len(r.Problems) == 0 {
		text := fmt.Sprintf("Rows and bytes agree: %d versions of files, %d bytes", r.Checked["versions"], r.Checked["bytes"])
		if n := r.Checked["renditions"]; n > 0 {
			text += fmt.Sprintf("; %d images made of others, %d bytes", n, r.Checked["rendition_bytes"])
		}
		return [][]string{{text + "."}}
	}
	return rows
}

// verdict fails when something is left to be put right.
func (r *reconcileJSON) verdict() error {
	var left []string
	for _, p := range r.Problems {
		if p.Repaired < p.Count {
			left = append(left, fmt.Sprintf("%d %s", p.Count-p.Repaired, strings.ReplaceAll(p.Kind, "_", " ")))
		}
	}
	if len(left) == 0 {
		return nil
	}
	e := &cliError{Code: exitFailure, Reason: "STORAGE_DISAGREES", Message: "Rows and bytes do not agree: " + strings.Join(left, ", ") + "."}
	if r.DryRun {
		e.Hint = "Nothing was changed. Give --repair to put right what loses no file."
	}
	return e
}
