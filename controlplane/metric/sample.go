package metric

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"golang.org/x/sync/errgroup"

	"github.com/wayli-app/fluxbase/controlplane/project"
	"github.com/wayli-app/fluxbase/controlplane/store"
	"github.com/wayli-app/fluxbase/internal/layout"
)

const (
	queue = "metrics"
	// sampleEvery is how often connections are counted, and sizesEvery how often sizes are looked at of the projects that were used.
	sampleEvery = time.Minute
	sizesEvery  = 5 * time.Minute
	// recently is what counts as used: some time more than sizesEvery, since usage comes late.
	recently = 2 * sizesEvery
	// patience is for one cluster, sampleTime for all of them.
	patience    = 40 * time.Second
	sampleTime  = 55 * time.Second
	atOnce      = 8
	maxAttempts = 1
)

// SampleArgs asks to measure the projects on their clusters.
type SampleArgs struct {
	// Sizes asks for the sizes of all projects that were used; else there are only those that were never measured.
	Sizes bool `json:"sizes"`
}

// Kind names the job.
func (SampleArgs) Kind() string { return "metric_sample" }

// Configure adds the periodic measuring to the configuration of a River client. One control plane at a time measures.
func (s *Service) Configure(c *river.Config) {
	c.Queues[queue] = river.QueueConfig{MaxWorkers: 1}
	river.AddWorker(c.Workers, &sampler{s: s})
	c.PeriodicJobs = append(c.PeriodicJobs, river.NewPeriodicJob(river.PeriodicInterval(sampleEvery),
		func() (river.JobArgs, *river.InsertOpts) {
			sizes := s.Now().Truncate(sampleEvery).Equal(s.Now().Truncate(sizesEvery))
			return SampleArgs{Sizes: sizes}, &river.InsertOpts{Queue: queue, MaxAttempts: maxAttempts, UniqueOpts: river.UniqueOpts{ByPeriod: sampleEvery}}
		}, &river.PeriodicJobOpts{RunOnStart: true}))
}

type sampler struct {
	river.WorkerDefaults[SampleArgs]
	s *Service
}

// Timeout ends before the next job begins.
func (w *sampler) Timeout(*river.Job[SampleArgs]) time.Duration { return sampleTime }

// Work measures once. What cannot be measured now is measured the next time.
func (w *sampler) Work(ctx context.Context, job *river.Job[SampleArgs]) error {
	return w.s.Sample(ctx, job.Args.Sizes)
}

// Sample measures the projects of all clusters. A cluster that does not answer keeps no other from being measured.
func (s *Service) Sample(ctx context.Context, sizes bool) error {
	now := s.Now()
	rows, err := store.New(s.Pool).ProjectsToMeasure(ctx, store.ProjectsToMeasureParams{Sizes: sizes, Since: now.Add(-recently)})
	if err != nil {
		return fmt.Errorf("list projects to measure: %w", err)
	}
	byCluster := map[uuid.UUID][]store.ProjectsToMeasureRow{}
	for _, r := range rows {
		byCluster[r.ClusterID] = append(byCluster[r.ClusterID], r)
	}
	var mu sync.Mutex
	var failed error
	var group errgroup.Group
	group.SetLimit(atOnce)
	for id, projects := range byCluster {
		group.Go(func() error {
			if err := s.sample(ctx, id, projects, now); err != nil {
				s.Log.WarnContext(ctx, "the projects of a cluster were not measured", "cluster", id, "error", err)
				mu.Lock()
				defer mu.Unlock()
				failed = errors.Join(failed, err)
			}
			return nil
		})
	}
	_ = group.Wait() // none of them fails
	return failed
}

// sample measures the projects of one cluster.
func (s *Service) sample(ctx context.Context, cluster uuid.UUID, projects []store.ProjectsToMeasureRow, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	server, err := s.Clusters.Admin(ctx, cluster)
	if err != nil {
		return err
	}
	connections, err := server.Connections(ctx)
	if err != nil {
		return err
	}
	counts := map[string]int64{}
	var due []layout.Names
	for _, p := range projects {
		counts[p.Ref] = connections[p.Ref] // none is a count too
		if p.SizeDue {
			due = append(due, layout.Of(p.Ref, p.Isolation == project.IsolationSchema))
		}
	}
	if err := s.keep(ctx, Connections, now, projects, counts); err != nil {
		return err
	}
	if len(due) == 0 {
		return nil
	}
	measured, err := server.Sizes(ctx, due)
	return errors.Join(err, s.keep(context.WithoutCancel(ctx), DatabaseBytes, now, projects, measured))
}

// keep writes down what changed.
func (s *Service) keep(ctx context.Context, gauge string, now time.Time, projects []store.ProjectsToMeasureRow, values map[string]int64) error {
	in := store.AddGaugesParams{Gauge: gauge, At: now}
	for _, p := range projects {
		if value, ok := values[p.Ref]; ok {
			in.ProjectIds, in.Values = append(in.ProjectIds, p.ID), append(in.Values, value)
		}
	}
	if _, err := store.New(s.Pool).AddGauges(ctx, in); err != nil {
		return fmt.Errorf("keep %s: %w", gauge, err)
	}
	return nil
}
