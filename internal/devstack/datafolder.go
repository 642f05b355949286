package devstack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A folder of PostgreSQL's is made as "<name>.partial" and renamed when it is complete and has the mark, so that what an
// interrupted first start left behind is known for what it is.
const (
	partialSuffix = ".partial"
	markFile      = "fluxbase.json"
)

// mark is kept in the folder.
type mark struct {
	// Port is the one last used, for stable URLs.
	Port int `json:"port"`
}

// dataFolder is where a PostgreSQL keeps everything.
type dataFolder struct {
	dir  string
	user *unixUser
}

// prepare makes the folder when it is missing, and refuses what it did not make or what the programs cannot read.
func (d dataFolder) prepare(ctx context.Context, b binaries, password string) error {
	if err := os.RemoveAll(d.dir + partialSuffix); err != nil {
		return fmt.Errorf("remove what an interrupted start left behind: %w", err)
	}
	entries, err := os.ReadDir(d.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the data folder: %w", err)
	}
	if len(entries) == 0 {
		if err := os.Remove(d.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the empty data folder: %w", err)
		}
		return d.initialise(ctx, b, password)
	}
	if _, err := d.readMark(); err != nil {
		return fmt.Errorf("%s is not a complete data folder of Fluxbase's (%w): it was made by something else, or its making was interrupted. "+
			"Move it away if it holds nothing of yours, or choose another folder with --data-dir", d.dir, err)
	}
	version, err := os.ReadFile(filepath.Join(d.dir, "PG_VERSION"))
	if err != nil {
		return fmt.Errorf("%s has no PG_VERSION: it is damaged. Restore it from a backup, or move it away to begin anew", d.dir)
	}
	if have := strings.TrimSpace(string(version)); have != strconv.Itoa(b.major) {
		return fmt.Errorf("%s was made by PostgreSQL %s, but the programs in %s are PostgreSQL %d: set FLUXBASE_POSTGRES_BIN to the bin folder of a PostgreSQL %s, "+
			"or move the folder away to begin anew", d.dir, have, b.dir, b.major, have)
	}
	return nil
}

func (d dataFolder) initialise(ctx context.Context, b binaries, password string) error {
	partial := d.dir + partialSuffix
	if err := os.Mkdir(partial, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if err := d.user.own(partial); err != nil {
		return fmt.Errorf("give the data folder to %s: %w", d.user.name, err)
	}
	if err := d.user.checkReach(ctx, partial); err != nil {
		_ = os.Remove(partial)
		return err
	}
	passwordFile, err := d.passwordFile(password)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(passwordFile) }()
	cmd := exec.CommandContext(ctx, b.program("initdb"), "--pgdata="+partial, "--username=postgres", "--pwfile="+passwordFile,
		"--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-instructions")
	if b.major >= 17 { // a locale of its own for letters, without the operating system's
		cmd.Args = append(cmd.Args, "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
	}
	cmd.Dir, cmd.Env = "/", cleanEnvironment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: d.user.as()}
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initialise PostgreSQL's data folder: %w\n%s", err, bytes.TrimSpace(output))
	}
	if err := writeMark(partial, mark{}); err != nil {
		return err
	}
	if err := os.Rename(partial, d.dir); err != nil {
		return fmt.Errorf("complete the data folder: %w", err)
	}
	return nil
}

// passwordFile makes a file for initdb, which only the user can read.
func (d dataFolder) passwordFile(password string) (string, error) {
	file, err := os.CreateTemp(filepath.Dir(d.dir), ".password-")
	if err != nil {
		return "", fmt.Errorf("write the password for initdb: %w", err)
	}
	_, writeErr := file.WriteString(password + "\n")
	if err := errors.Join(writeErr, file.Close(), d.user.own(file.Name())); err != nil {
		_ = os.Remove(file.Name())
		return "", fmt.Errorf("write the password for initdb: %w", err)
	}
	return file.Name(), nil
}

func (d dataFolder) readMark() (mark, error) {
	var m mark
	text, err := os.ReadFile(filepath.Join(d.dir, markFile))
	if errors.Is(err, fs.ErrNotExist) {
		return m, errors.New("it has no " + markFile)
	}
	if err != nil {
		return m, err
	}
	if json.Unmarshal(text, &m) != nil || m.Port < 0 || m.Port > 65535 {
		m = mark{} // only a preference is lost
	}
	return m, nil
}

func writeMark(dir string, m mark) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, markFile), append(text, '\n'))
}

// stopOrphan ends a PostgreSQL that was left running over the folder, and removes a lock file that no living server
// holds: after a restart of the machine or container, its process number may be anyone's.
func (d dataFolder) stopOrphan(ctx context.Context) error {
	name := filepath.Join(d.dir, "postmaster.pid")
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read PostgreSQL's lock file: %w", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err == nil && pid > 1 && d.runs(ctx, pid) {
		for _, attempt := range []struct {
			signal syscall.Signal
			wait   time.Duration
		}{{syscall.SIGINT, 30 * time.Second}, {syscall.SIGQUIT, 10 * time.Second}, {syscall.SIGKILL, 5 * time.Second}} {
			_ = syscall.Kill(pid, attempt.signal)
			if d.awaitEnd(ctx, pid, attempt.wait) {
				break
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		if d.runs(ctx, pid) {
			return fmt.Errorf("a PostgreSQL of an earlier start still runs over %s as process %d and does not end: stop it", d.dir, pid)
		}
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove PostgreSQL's stale lock file: %w", err)
	}
	return nil
}

func (d dataFolder) awaitEnd(ctx context.Context, pid int, wait time.Duration) bool {
	for deadline := time.Now().Add(wait); time.Now().Before(deadline) && ctx.Err() == nil; {
		if !d.runs(ctx, pid) {
			return true
		}
		pause(ctx, 20*time.Millisecond)
	}
	return false
}

// runs tells whether a process is a PostgreSQL server over this folder.
func (d dataFolder) runs(ctx context.Context, pid int) bool {
	var command string
	if runtime.GOOS == "linux" {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // empty for a zombie
		if err != nil {
			return false
		}
		command = strings.ReplaceAll(string(text), "\x00", " ")
	} else {
		text, err := exec.CommandContext(ctx, "ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
		if err != nil {
			return false
		}
		command = string(text)
	}
	return strings.Contains(command, "postgres") && strings.Contains(command, "-D "+d.dir+" ")
}

// writeFile replaces a file as a whole, readable by its owner only.
func writeFile(name string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(name), ".new-")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, writeErr := file.Write(content)
	if err := errors.Join(writeErr, file.Sync(), file.Close()); err != nil {
		_ = os.Remove(file.Name())
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(file.Name(), name); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
