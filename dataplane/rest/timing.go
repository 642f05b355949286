package rest

import (
	"context"
	"strconv"
	"time"
)

// The parts of a request that Server-Timing tells apart.
const (
	authenticating = iota
	parsing
	planning
	transacting
	responding
	parts
)

var partNames = [parts]string{"jwt", "parse", "plan", "transaction", "response"}

// clock measures the parts of a request. One that was not started measures nothing.
type clock struct {
	last time.Time
	took [parts]time.Duration
}

func (c *clock) start(ctx context.Context) {
	c.last = time.Now()
	if took, ok := ctx.Value(authTime{}).(time.Duration); ok {
		c.took[authenticating] = took
	}
}

// lap ends a part.
func (c *clock) lap(part int) {
	if c.last.IsZero() {
		return
	}
	now := time.Now()
	c.took[part] += now.Sub(c.last)
	c.last = now
}

// header is the Server-Timing header, in milliseconds; "" when nothing was measured.
func (c *clock) header() string {
	if c.last.IsZero() {
		return ""
	}
	out := make([]byte, 0, 128)
	for part, took := range c.took {
		if part > 0 {
			out = append(out, ", "...)
		}
		out = append(append(out, partNames[part]...), ";dur="...)
		out = strconv.AppendFloat(out, float64(took)/float64(time.Millisecond), 'f', 1, 64)
	}
	return string(out)
}
