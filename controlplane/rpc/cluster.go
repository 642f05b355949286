package rpc

import (
	"context"

	v1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1/controlplanev1connect"
)

// Clusters is what the API asks of the clusters' domain.
type Clusters interface {
}

type clusterService struct {
	*server
	controlplanev1connect.UnimplementedClusterServiceHandler
}

var (
	_ controlplanev1connect.ClusterServiceHandler = clusterService{}
	_                                             = v1.Cluster{}
	_                                             = context.Background
)
