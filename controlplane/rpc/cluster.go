package rpc

import (
	"context"

	"github.com/wayli-app/fluxbase/controlplane/cluster"
	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
)

type clusterService struct{ *server }

var _ controlplanev1connect.ClusterServiceHandler = clusterService{}

// RegisterCluster checks, prepares and records a Postgres server.
func (s clusterService) RegisterCluster(ctx context.Context, req *v1.RegisterClusterRequest) (*v1.RegisterClusterResponse, error) {
	procedure := controlplanev1connect.ClusterServiceRegisterClusterProcedure
	return once(ctx, s.Repeats, procedure, req, func(ctx context.Context) (*v1.RegisterClusterResponse, error) {
		c, err := s.Clusters.Register(ctx, cluster.RegisterInput{Name: req.GetName(), AdminURL: req.GetAdminUrl(), Capacity: int(req.GetCapacity())})
		if err != nil {
			return nil, err
		}
		return &v1.RegisterClusterResponse{Cluster: clusterMessage(c)}, nil
	})
}

// ListClusters lists clusters by name.
func (s clusterService) ListClusters(ctx context.Context, req *v1.ListClustersRequest) (*v1.ListClustersResponse, error) {
	rows, next, err := page(s.pages, req, []any{"clusters"},
		func(limit int, after cursor) ([]cluster.Cluster, error) {
			return s.Clusters.List(ctx, limit, after.Key)
		},
		func(c cluster.Cluster) cursor { return cursor{Key: c.Name} })
	if err != nil {
		return nil, err
	}
	return &v1.ListClustersResponse{Clusters: each(rows, clusterMessage), NextPageToken: next}, nil
}

// DrainCluster keeps new projects away from a cluster, or lets them come again.
func (s clusterService) DrainCluster(ctx context.Context, req *v1.DrainClusterRequest) (*v1.DrainClusterResponse, error) {
	c, err := s.Clusters.Drain(ctx, req.GetName(), req.GetDrain())
	if err != nil {
		return nil, err
	}
	return &v1.DrainClusterResponse{Cluster: clusterMessage(c)}, nil
}

func clusterMessage(c cluster.Cluster) *v1.Cluster {
	return &v1.Cluster{
		Id: c.ID.String(), Name: c.Name, Host: c.Host, Port: int32(c.Port), Version: c.Version, Capacity: int32(c.Capacity),
		ProjectCount: int32(c.ProjectCount), Draining: c.Draining, CreateTime: stamp(c.CreatedAt),
	}
}
