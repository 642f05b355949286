package hot

// Sweep is sweep.
func (c *Cache) Sweep() { c.sweep() }

// Writing is how many files are being written to disk.
func (c *Cache) Writing() int { return len(c.disk.slots) }
