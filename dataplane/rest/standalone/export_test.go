package standalone

import "time"

// SetPatience changes how long a client may take to read a part of its answer.
func (s *Server) SetPatience(d time.Duration) { s.patience = d }
