// Package e2e holds tests of the real binary, run as the processes that an operator runs: what an unmodified supabase-js sees,
// what one project can do to another, and what the death of a process costs.
package e2e
