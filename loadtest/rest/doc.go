// Package rest measures REST through the whole gateway against the floor server, the least that any Go server must do for
// the same answer. `make bench` runs it:
//
//	go run ./internal/testkit/run -- go test ./loadtest/rest -run '^$' -bench Ratio -benchtime 1x -timeout 20m
//
// FLUXBASE_BENCH_FLOOR names the folder of the floor server; FLUXBASE_BENCH_SECONDS is how long each round of load lasts.
package rest
