package wire

import "time"

// Wait sets how long an object's next bytes are waited for.
func (c *Client) Wait(d time.Duration) { c.wait = d }
