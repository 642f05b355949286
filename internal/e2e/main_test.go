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

// TestMain runs the tests with a folder for the program, and stops the processes that they share.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "fluxbase-e2e-")
	if err != nil {
		panic(err) // nothing can be tested
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "fluxbase")
	m.Run()
	stopShared()
}

// build builds the program, as it is now.
func build() error {
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/wayli-app/fluxbase/cmd/fluxbase").CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return nil
}
