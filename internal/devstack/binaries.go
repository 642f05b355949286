package devstack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/wayli-app/fluxbase/internal/pg"
)

const (
	postgresPackage = "@embedded-postgres/"
	postgresVersion = "18.4.0-beta.17"
	otherWays       = "Or set FLUXBASE_POSTGRES_BIN to the bin folder of an installed PostgreSQL, or FLUXBASE_DATABASE_URL to a running one."
)

var platforms = map[string]string{
	"linux/amd64": "linux-x64", "linux/arm64": "linux-arm64", "darwin/amd64": "darwin-x64", "darwin/arm64": "darwin-arm64",
}

// binaries are PostgreSQL's programs.
type binaries struct {
	dir   string
	major int
}

func (b binaries) program(name string) string { return filepath.Join(b.dir, name) }

// findBinaries returns the programs that FLUXBASE_POSTGRES_BIN names, or those of the cache, installed when missing.
func findBinaries(ctx context.Context, progress io.Writer) (binaries, error) {
	if dir := os.Getenv("FLUXBASE_POSTGRES_BIN"); dir != "" {
		b, err := inspect(ctx, dir)
		if err != nil {
			return b, fmt.Errorf("FLUXBASE_POSTGRES_BIN: %w", err)
		}
		return b, nil
	}
	platform, ok := platforms[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return binaries{}, fmt.Errorf("there are no PostgreSQL binaries to install for %s/%s. %s", runtime.GOOS, runtime.GOARCH, otherWays)
	}
	cache, err := cacheDir()
	if err != nil {
		return binaries{}, err
	}
	installed := filepath.Join(cache, "postgres-"+postgresVersion)
	bin := filepath.Join(installed, "node_modules", postgresPackage+platform, "native", "bin")
	if _, err := os.Stat(installed); errors.Is(err, fs.ErrNotExist) {
		if err := installOnce(ctx, progress, cache, installed, platform); err != nil {
			return binaries{}, err
		}
	}
	b, err := inspect(ctx, bin)
	if err != nil {
		return b, fmt.Errorf("the installed PostgreSQL does not run: %w. Remove %s to install it anew. %s", err, installed, otherWays)
	}
	return b, nil
}

// installOnce lets one process at a time install.
func installOnce(ctx context.Context, progress io.Writer, cache, installed, platform string) error {
	unlock, err := lockFile(ctx, filepath.Join(cache, "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(installed); err == nil {
		return nil // another process was faster
	}
	return install(ctx, progress, cache, installed, platform)
}

// cacheDir is a folder that outlives builds and data; for root one that every user can read.
func cacheDir() (string, error) {
	dir := "/var/cache/fluxbase"
	if os.Geteuid() != 0 {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find a folder for PostgreSQL's programs: %w. %s", err, otherWays)
		}
		dir = filepath.Join(base, "fluxbase")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // another unix user runs the programs
		return "", fmt.Errorf("make a folder for PostgreSQL's programs: %w. %s", err, otherWays)
	}
	return dir, nil
}

// install gets the npm package into a temporary folder and renames that when it is complete.
func install(ctx context.Context, progress io.Writer, cache, installed, platform string) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return fmt.Errorf("PostgreSQL's programs are installed with npm, and there is none: install Node.js. %s", otherWays)
	}
	_, _ = fmt.Fprintf(progress, "Installing PostgreSQL %s (once, into %s)…\n", strings.Split(postgresVersion, "-")[0], cache)
	// The lock is held: what other installations left behind is nobody's.
	left, _ := filepath.Glob(filepath.Join(cache, "installing-*"))
	for _, dir := range left {
		_ = os.RemoveAll(dir)
	}
	temporary, err := os.MkdirTemp(cache, "installing-")
	if err != nil {
		return fmt.Errorf("make a folder for PostgreSQL's programs: %w", err)
	}
	defer func() { _ = os.RemoveAll(temporary) }()
	cmd := exec.CommandContext(ctx, npm, "install", "--prefix", temporary, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
		postgresPackage+platform+"@"+postgresVersion)
	cmd.Dir = temporary
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("install %s%s@%s with npm: %w\n%s\n%s", postgresPackage, platform, postgresVersion, err, strings.TrimSpace(string(output)), otherWays)
	}
	root := filepath.Join(temporary, "node_modules", postgresPackage+platform)
	if err := makeLinks(root); err != nil {
		return fmt.Errorf("complete the installation of PostgreSQL: %w", err)
	}
	if err := makeReadable(temporary); err != nil {
		return fmt.Errorf("make PostgreSQL's programs readable: %w", err)
	}
	return os.Rename(temporary, installed) // complete from the first moment on
}

// makeLinks makes the symbolic links that an npm package cannot hold, as its install script would.
func makeLinks(root string) error {
	text, err := os.ReadFile(filepath.Join(root, "native", "pg-symlinks.json"))
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return err
	}
	for _, link := range links {
		target := filepath.Join(root, link.Target)
		if !filepath.IsLocal(link.Target) || !filepath.IsLocal(link.Source) {
			return fmt.Errorf("the package has a link outside of itself: %s", link.Target)
		}
		relative, err := filepath.Rel(filepath.Dir(target), filepath.Join(root, link.Source))
		if err != nil {
			return err
		}
		if err := os.Symlink(relative, target); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// makeReadable gives everyone the right to read, whatever the umask is: another unix user may run the programs.
func makeReadable(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o444
		if entry.IsDir() || mode&0o100 != 0 || filepath.Base(filepath.Dir(path)) == "bin" {
			mode |= 0o111
		}
		return os.Chmod(path, mode) //nolint:gosec // a folder that this process has just made
	})
}

var versionNumber = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// inspect tells what PostgreSQL a bin folder has.
func inspect(ctx context.Context, dir string) (binaries, error) {
	b := binaries{dir: dir}
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := os.Stat(b.program(name)); err != nil {
			return b, fmt.Errorf("%s has no program %s", dir, name)
		}
	}
	output, err := exec.CommandContext(ctx, b.program("postgres"), "--version").CombinedOutput()
	match := versionNumber.FindSubmatch(output)
	if err != nil || match == nil {
		return b, fmt.Errorf("%s does not tell its version: %s", b.program("postgres"), strings.TrimSpace(string(output)))
	}
	if b.major, err = strconv.Atoi(string(match[1])); err != nil || b.major < pg.MinVersion {
		return b, fmt.Errorf("%s has PostgreSQL %s: Fluxbase needs %d or later", dir, match[1], pg.MinVersion)
	}
	return b, nil
}
