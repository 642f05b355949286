package main

import (
	"os"
	"strings"
	"testing"
)

// mainVariable makes the test binary be the command itself: what tests run is the real thing, and nothing is built twice.
const mainVariable = "FLUXBASE_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(mainVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// cleanEnvironment is the environment without any setting of Fluxbase.
func cleanEnvironment() []string {
	var out []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "FLUXBASE_") {
			out = append(out, e)
		}
	}
	return out
}
