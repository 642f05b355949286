package provision

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/controlplane/apikey"
	"github.com/wayli-app/fluxbase/controlplane/audit"
	"github.com/wayli-app/fluxbase/controlplane/cluster"
	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/internal/config"
	"github.com/wayli-app/fluxbase/internal/layout"
	"github.com/wayli-app/fluxbase/internal/seal"
	"github.com/wayli-app/fluxbase/internal/testkit"
)

// childVariable makes this test binary a control plane's worker that stops dead at a step, for the tests to kill.
const childVariable = "FLUXBASE_TEST_PROVISION_CHILD"

// child is what such a worker is told.
type child struct {
	DatabaseURL, MasterKey string
	Endpoint, AccessKey    string
	SecretKey, Prefix      string
	Job, Step              string
}

func TestMain(m *testing.M) {
	if told := os.Getenv(childVariable); told != "" {
		panic(runChild(told)) // it returns only when it cannot work
	}
	m.Run()
}

// runChild works jobs until the step it is to stop at has done its deed; then it says so and waits to be killed.
func runChild(told string) error {
	var c child
	if err := json.Unmarshal([]byte(told), &c); err != nil {
		return err
	}
	ctx, log := context.Background(), slog.New(slog.NewTextHandler(os.Stderr, nil))
	pool, err := pgxpool.New(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	sealer, err := seal.New(c.MasterKey)
	if err != nil {
		return err
	}
	events, err := audit.New(pool)
	if err != nil {
		return err
	}
	keys, err := apikey.New(apikey.Deps{Pool: pool, Sealer: sealer, Audit: events})
	if err != nil {
		return err
	}
	clusters, err := cluster.New(cluster.Deps{Pool: pool, Sealer: sealer, Audit: events, Log: log})
	if err != nil {
		return err
	}
	p, err := New(Deps{
		Pool: pool, Sealer: sealer, Clusters: clusters, Keys: keys, BucketPrefix: c.Prefix, Log: log,
		Buckets: NewObjectStore(config.S3{Endpoint: c.Endpoint, Region: "us-east-1", PathStyle: true, AccessKey: c.AccessKey, SecretKey: config.Secret(c.SecretKey)}),
		Stepped: func(job, step string) {
			if job == c.Job && step == c.Step {
				_, _ = fmt.Fprintln(os.Stdout, "at", job, step)
				select {}
			}
		},
	})
	if err != nil {
		return err
	}
	rc := &river.Config{Logger: slog.New(slog.DiscardHandler)}
	p.Configure(rc)
	client, err := river.NewClient(riverpgxv5.New(pool), rc)
	if err != nil {
		return err
	}
	if err := client.Start(ctx); err != nil {
		return err
	}
	return p.Run(ctx)
}

// killAt starts a worker as a process of its own and kills it with SIGKILL at a step of a job.
func (h *house) killAt(t *testing.T, job, step string) {
	t.Helper()
	told, err := json.Marshal(child{
		DatabaseURL: h.pool.Config().ConnString(), MasterKey: h.masterKey, Endpoint: h.s3.Endpoint, AccessKey: h.s3.AccessKey,
		SecretKey: h.s3.SecretKey.Reveal(), Prefix: h.s3.BucketPrefix, Job: job, Step: step,
	})
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+string(told))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "at "+job+" "+step, strings.TrimSpace(line))
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
}

// client queues jobs and works none.
func (h *house) client(t *testing.T) *river.Client[pgx.Tx] {
	t.Helper()
	client, err := river.NewClient(riverpgxv5.New(h.pool), &river.Config{})
	require.NoError(t, err)
	return client
}

func TestKilledAtAnyStepOfProvisioning(t *testing.T) {
	t.Parallel()
	for _, isolation := range []string{"database", "schema"} {
		for _, step := range []string{"cluster", "roles", map[string]string{"database": "database", "schema": "schemas"}[isolation], "migrations", "bucket", "keys", "publish"} {
			t.Run(isolation+"/"+step, func(t *testing.T) {
				t.Parallel()
				h := newHouse(t)
				p := h.insert(t, isolation)
				queue(t, h.client(t), project.ProvisionArgs{ProjectID: p.ID})
				h.killAt(t, project.JobProvision, step)
				work(t, h.deps(t))
				p, steps := h.await(t, p.ID, status("active"))
				for _, s := range steps {
					require.Equal(t, "done", s.Status, s.Name)
				}
				require.Len(t, steps, 7)
				h.requireWholeAndSingle(t, p.ID.String())
				_, err := h.login(t, p)
				require.NoError(t, err)
			})
		}
	}
}

// requireWholeAndSingle checks that the project's parts are there once each.
func (h *house) requireWholeAndSingle(t *testing.T, id string) {
	t.Helper()
	var keys, clusters int
	var ref, bucket string
	require.NoError(t, h.pool.QueryRow(t.Context(), `select (select count(*) from api_key where project_id = p.id),
		(select count(*) from cluster), p.ref, p.bucket from project p where p.id = $1`, id).Scan(&keys, &clusters, &ref, &bucket))
	require.Equal(t, 2, keys, "one publishable and one secret key")
	require.Equal(t, 1, clusters)
	list, err := testkit.S3Client(h.s3).ListBuckets(t.Context(), &s3.ListBucketsInput{Prefix: &h.s3.BucketPrefix})
	require.NoError(t, err)
	mine := 0
	for _, b := range list.Buckets {
		if strings.HasPrefix(*b.Name, h.s3.BucketPrefix) {
			require.Equal(t, bucket, *b.Name)
			mine++
		}
	}
	require.Equal(t, 1, mine)
}

func TestKilledAtAnyStepOfPurging(t *testing.T) {
	t.Parallel()
	for _, isolation := range []string{"database", "schema"} {
		for _, step := range []string{map[string]string{"database": "database", "schema": "schemas"}[isolation], "bucket", "records"} {
			t.Run(isolation+"/"+step, func(t *testing.T) {
				t.Parallel()
				h := newHouse(t)
				p := h.insert(t, isolation)
				c, err := New(h.deps(t))
				require.NoError(t, err)
				r := &run{project: p, names: layout.Of(p.Ref, isolation == "schema")}
				require.NoError(t, h.pool.AcquireFunc(t.Context(), func(conn *pgxpool.Conn) error {
					r.conn = conn
					for _, s := range c.provisionPlan(p) {
						if err := s.do(t.Context(), r); err != nil {
							return err
						}
					}
					return nil
				}))
				_, err = h.pool.Exec(t.Context(), "update project set desired = 'purged', status = 'purging' where id = $1", p.ID)
				require.NoError(t, err)
				queue(t, h.client(t), project.PurgeArgs{ProjectID: p.ID})
				h.killAt(t, project.JobPurge, step)
				work(t, h.deps(t))
				h.await(t, p.ID, status("purged"))
				require.Empty(t, leftovers(t, p))
			})
		}
	}
}
