package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"
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

// build builds the program, the one for images and the object store, as they are now. FLUXBASE_BIN names a program that has just been built, with the
// one for images beside it.
func build() error {
	store, err := filepath.Abs(versitygw)
	if err != nil {
		return err
	}
	builds := [][]string{{"-C", filepath.Join("..", "..", "tools", "versitygw"), "-o", store, "github.com/versity/versitygw/cmd/versitygw"}}
	if given := os.Getenv("FLUXBASE_BIN"); given != "" {
		binary = given
	} else {
		builds = append(builds, []string{"-tags", "vips", "-o", filepath.Dir(binary), "github.com/wayli-app/fluxbase/cmd/fluxbase", "github.com/wayli-app/fluxbase/cmd/fluxbase-images"})
	}
	var group errgroup.Group
	for _, args := range builds {
		group.Go(func() error {
			if out, err := exec.Command("go", append([]string{"build"}, args...)...).CombinedOutput(); err != nil {
				return fmt.Errorf("build %s: %w\n%s", args[len(args)-1], err, out)
			}
			return nil
		})
	}
	return group.Wait()
}
