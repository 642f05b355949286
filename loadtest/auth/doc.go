// Package auth measures auth through the whole gateway. `make bench` runs it:
//
//	go run ./internal/testkit/run -- go test ./loadtest/auth -run '^$' -bench Auth -benchtime 1x -timeout 20m
//
// FLUXBASE_BENCH_SECONDS is how long each round of load lasts.
package auth
