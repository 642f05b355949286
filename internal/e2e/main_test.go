package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the path of the program under test.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run runs the tests with a folder for the program, and stops the processes that they share.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "fluxbase-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "fluxbase")
	code := m.Run()
	stopShared()
	return code
}

// build builds the program, as it is now.
func build() error {
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/wayli-app/fluxbase/cmd/fluxbase").CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return nil
}
