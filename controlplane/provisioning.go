package controlplane

import "github.com/riverqueue/river"

func (s *Server) periodicProvisioning() []*river.PeriodicJob { return nil }

func (s *Server) addProvisioning(*river.Workers) {}
