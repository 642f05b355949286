package devstack

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// unixUser is who runs PostgreSQL, which refuses to run as root. It is nil for this process's own user.
type unixUser struct {
	name       string
	credential *syscall.Credential
}

// postgresUser is the user named by FLUXBASE_POSTGRES_USER, or for root the first there is of fluxbase, postgres and
// nobody.
func postgresUser() (*unixUser, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // its own user needs nothing
	}
	candidates := []string{"fluxbase", "postgres", "nobody"}
	if name := os.Getenv("FLUXBASE_POSTGRES_USER"); name != "" {
		candidates = []string{name}
	}
	for _, name := range candidates {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
		if uidErr != nil || gidErr != nil || uid == 0 {
			continue
		}
		return &unixUser{name, &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: []uint32{uint32(gid)}}}, nil
	}
	return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no other unix user for it among %v: make one, "+
		"for example with `useradd --system fluxbase`, or name one with FLUXBASE_POSTGRES_USER", candidates)
}

// own gives a file or folder to the user.
func (u *unixUser) own(path string) error {
	if u == nil {
		return nil
	}
	return os.Chown(path, int(u.credential.Uid), int(u.credential.Gid))
}

// as is the credential of the user's processes.
func (u *unixUser) as() *syscall.Credential {
	if u == nil {
		return nil
	}
	return u.credential
}

// checkReach tells whether the user can get to a folder and use a file in it.
func (u *unixUser) checkReach(ctx context.Context, folder string) error {
	if u == nil {
		return nil
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", `cd "$1"`, "sh", folder)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = "/", cleanEnvironment(), &syscall.SysProcAttr{Credential: u.credential}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the unix user %q, which runs PostgreSQL because root may not, cannot enter %s: give it and the folders above it "+
			"the permission (chmod o+x), choose another folder with --data-dir, or another user with FLUXBASE_POSTGRES_USER", u.name, folder)
	}
	return nil
}
