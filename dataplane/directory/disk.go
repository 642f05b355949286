package directory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/id"
	"github.com/wayli-app/fluxbase/internal/seal"
)

// disk holds the last good copies: one sealed file per project, readable by the worker's user only.
type disk struct {
	dir    string
	sealer *seal.Sealer
	log    *slog.Logger

	mu    sync.Mutex
	files map[string]copyInfo // by ref
	hosts map[string]string   // host to ref; nil until it is first asked for
}

// copyInfo is what is known of a file without opening it.
type copyInfo struct {
	saved    time.Time
	revision int64 // zero when the file has not been opened
}

const copySuffix = ".snapshot"

// openDisk makes the folder and lists what it holds. Without a folder nothing is kept.
func openDisk(dir string, sealer *seal.Sealer, log *slog.Logger) (*disk, error) {
	d := &disk{dir: dir, sealer: sealer, log: log, files: map[string]copyInfo{}}
	if dir == "" {
		return d, nil
	}
	if sealer == nil {
		return nil, errors.New("copies of projects on disk need a master key to be sealed with")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder for copies of projects: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, fmt.Errorf("close folder of copies of projects to others: %w", err)
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list copies of projects: %w", err)
	}
	for _, file := range list {
		ref, isCopy := strings.CutSuffix(file.Name(), copySuffix)
		info, err := file.Info()
		switch {
		case err != nil:
		case isCopy && id.ValidRef(ref):
			d.files[ref] = copyInfo{saved: info.ModTime()}
		case strings.HasPrefix(file.Name(), ".new-"): // left by a worker that was killed while it wrote
			_ = os.Remove(filepath.Join(dir, file.Name()))
		}
	}
	return d, nil
}

func (d *disk) path(ref string) string { return filepath.Join(d.dir, ref+copySuffix) }

func sealContext(ref string) string { return "worker/snapshot/" + ref }

func (d *disk) has(ref string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.files[ref]
	return ok
}

func (d *disk) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.files)
}

// save writes a copy that was current at a time, unless a newer one is there. A failure is logged: the worker serves on.
func (d *disk) save(s *directoryv1.Snapshot, at time.Time) {
	if d.dir == "" || !id.ValidRef(s.GetRef()) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[s.GetRef()].revision > s.GetRevision() {
		return
	}
	if err := d.write(s, at); err != nil {
		d.log.Error("save last good copy of project", "ref", s.GetRef(), "error", err)
		return
	}
	d.files[s.GetRef()] = copyInfo{saved: at, revision: s.GetRevision()}
	for _, host := range s.GetHosts() {
		if d.hosts != nil {
			d.hosts[host] = s.GetRef()
		}
	}
	d.bound()
}

// write replaces the file at once or not at all.
func (d *disk) write(s *directoryv1.Snapshot, at time.Time) error {
	plain, err := proto.Marshal(s)
	if err != nil {
		return err
	}
	sealed, err := d.sealer.Seal(binary.BigEndian.AppendUint64(plain, uint64(at.UnixNano())), sealContext(s.GetRef()))
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(d.dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(sealed)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), d.path(s.GetRef()))
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}

// bound drops the oldest copies beyond the limit. It needs the lock.
func (d *disk) bound() {
	for len(d.files) > maxFiles {
		oldest := ""
		for ref, info := range d.files {
			if oldest == "" || info.saved.Before(d.files[oldest].saved) {
				oldest = ref
			}
		}
		d.drop(oldest)
	}
}

// drop needs the lock.
func (d *disk) drop(ref string) {
	delete(d.files, ref)
	if err := os.Remove(d.path(ref)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.log.Error("remove copy of project", "ref", ref, "error", err)
	}
}

func (d *disk) remove(ref string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.files[ref]; ok {
		d.drop(ref)
	}
}

// load reads a copy and when it was current. What cannot be opened is removed: it is broken, or sealed with another key.
func (d *disk) load(ref string) (*directoryv1.Snapshot, time.Time, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.read(ref)
}

// read needs the lock.
func (d *disk) read(ref string) (*directoryv1.Snapshot, time.Time, bool) {
	if _, ok := d.files[ref]; !ok {
		return nil, time.Time{}, false
	}
	snapshot, saved, err := d.decode(ref)
	if err != nil {
		d.log.Warn("last good copy of project cannot be used", "ref", ref, "error", err)
		d.drop(ref)
		return nil, time.Time{}, false
	}
	d.files[ref] = copyInfo{saved: saved, revision: snapshot.GetRevision()}
	return snapshot, saved, true
}

func (d *disk) decode(ref string) (*directoryv1.Snapshot, time.Time, error) {
	sealed, err := os.ReadFile(d.path(ref))
	if err != nil {
		return nil, time.Time{}, err
	}
	plain, err := d.sealer.Open(sealed, sealContext(ref))
	if err != nil {
		return nil, time.Time{}, err
	}
	if len(plain) < 8 {
		return nil, time.Time{}, errors.New("copy is too short")
	}
	message, stamp := plain[:len(plain)-8], binary.BigEndian.Uint64(plain[len(plain)-8:])
	snapshot := &directoryv1.Snapshot{}
	if err := proto.Unmarshal(message, snapshot); err != nil {
		return nil, time.Time{}, err
	}
	if snapshot.GetRef() != ref {
		return nil, time.Time{}, fmt.Errorf("copy is of project %s", snapshot.GetRef())
	}
	return snapshot, time.Unix(0, int64(stamp)), nil
}

// refOf finds the project of a custom host among the copies. The first call opens them all.
func (d *disk) refOf(host string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.hosts == nil {
		d.hosts = map[string]string{}
		for ref := range d.files {
			if s, _, ok := d.read(ref); ok {
				for _, h := range s.GetHosts() {
					d.hosts[h] = ref
				}
			}
		}
	}
	return d.hosts[host]
}

// olderThan lists the copies that were last confirmed before a time.
func (d *disk) olderThan(at time.Time) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for ref, info := range d.files {
		if info.saved.Before(at) {
			out = append(out, ref)
		}
	}
	return out
}
