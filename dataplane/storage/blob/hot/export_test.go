package hot

// Sweep is sweep.
func (c *Cache) Sweep() { c.sweep() }
