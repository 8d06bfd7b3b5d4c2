package app

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/sqlstore"
)

// A backup is a tar file of a data directory, whose last entry is a manifest
// with the size and SHA-256 of every other. It may be taken while a server
// runs. What refers is copied before what it refers to (trace index, then span
// databases, then payload packs; control database, then artifacts), and packs
// and artifacts only grow, so whatever the copied databases name is there.

// manifestName is the entry that completes a backup.
const manifestName = "MANIFEST.json"

// Manifest describes a backup.
type Manifest struct {
	Format  int                  `json:"format"`
	Version string               `json:"version"` // of the server that took it
	Taken   time.Time            `json:"taken"`
	Files   map[string]FileEntry `json:"files"`
	// Left says what of the data the backup does not hold, and why.
	Left []string `json:"left,omitempty"`
}

// FileEntry is a file of a backup.
type FileEntry struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Bytes is the size of all files.
func (m *Manifest) Bytes() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

const manifestFormat = 1

type backup struct {
	tar      *tar.Writer
	manifest Manifest
	scratch  string // for copies of databases
}

// Backup writes a backup of cfg's data to the new file target, which appears
// only when it is whole.
func Backup(ctx context.Context, cfg Config, target, version string, now time.Time) (*Manifest, error) {
	if cfg.Database != "" {
		return nil, fault.New(fault.Unsupported, "the database is PostgreSQL: back it up with pg_dump, and the artifacts with the tools of their store")
	}
	if _, err := os.Stat(filepath.Join(cfg.Data, "control.db")); err != nil {
		return nil, fault.NotFoundf("there is no data in %s; choose the directory with --data", cfg.Data)
	}
	if _, err := os.Stat(target); err == nil {
		return nil, fault.Existsf("%s exists already; choose another file", target)
	}
	scratch, err := os.MkdirTemp(filepath.Dir(target), ".assay-backup-")
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "app.Backup", err, "cannot write beside %s", target)
	}
	defer os.RemoveAll(scratch)
	out, err := os.OpenFile(filepath.Join(scratch, "backup.tar"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "app.Backup", err, "cannot write beside %s", target)
	}
	defer out.Close()
	b := &backup{tar: tar.NewWriter(out), scratch: scratch, manifest: Manifest{Format: manifestFormat, Version: version, Taken: now.UTC(), Files: map[string]FileEntry{}}}
	if err := b.run(ctx, cfg); err != nil {
		return nil, err
	}
	if err := errors.Join(b.tar.Close(), out.Sync(), out.Close()); err != nil {
		return nil, fault.Wrap(fault.Unavailable, "app.Backup", err, "the backup could not be written to its end")
	}
	if err := os.Rename(out.Name(), target); err != nil {
		return nil, fault.Wrap(fault.Unavailable, "app.Backup", err, "cannot write %s", target)
	}
	return &b.manifest, nil
}

func (b *backup) run(ctx context.Context, cfg Config) error {
	for _, name := range []string{"control.db", "traces.db"} {
		if err := b.database(ctx, cfg.Data, name); err != nil {
			return err
		}
	}
	if err := b.file(cfg.Data, "secret.key", "secret.key"); err != nil {
		return err
	}
	if err := b.partitions(ctx, cfg.Data); err != nil {
		return err
	}
	if strings.Contains(cfg.Artifacts, "://") && !strings.HasPrefix(cfg.Artifacts, "file://") {
		b.manifest.Left = append(b.manifest.Left, "artifacts: they are in an object store, which has backups of its own")
	} else if err := b.tree(ctx, cfg.artifactDir(), "artifacts"); err != nil {
		return err
	}
	return b.finish()
}

// partitions copies each day: full text before the spans it was made from, so
// that it lags and catches up, and the payload packs last.
func (b *backup) partitions(ctx context.Context, data string) error {
	days, err := os.ReadDir(filepath.Join(data, "partitions"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, "app.Backup", err, "cannot read the partitions")
	}
	for _, day := range days {
		dir := path.Join("partitions", day.Name())
		if err := b.databases(ctx, data, dir); err != nil {
			return err
		}
	}
	for _, day := range days {
		// A day that was rewritten meanwhile has other files now.
		if err := b.databases(ctx, data, path.Join("partitions", day.Name())); err != nil {
			return err
		}
		if err := b.tree(ctx, filepath.Join(data, "partitions", day.Name()), path.Join("partitions", day.Name())); err != nil {
			return err
		}
	}
	return nil
}

// databases copies those of a day that are not in the backup yet.
func (b *backup) databases(ctx context.Context, data, dir string) error {
	for _, kind := range []string{"text", "spans"} {
		found, err := filepath.Glob(filepath.Join(data, filepath.FromSlash(dir), kind+"*.db"))
		if err != nil {
			return err
		}
		for _, name := range found {
			at := path.Join(dir, filepath.Base(name))
			if _, have := b.manifest.Files[at]; have {
				continue
			}
			if err := b.database(ctx, data, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// database copies a consistent state of a SQLite file, if there is one.
func (b *backup) database(ctx context.Context, data, name string) error {
	src := filepath.Join(data, filepath.FromSlash(name))
	if _, err := os.Stat(src); err != nil {
		return nil
	}
	tmp := filepath.Join(b.scratch, "copy.db")
	defer os.Remove(tmp)
	if err := sqlstore.Snapshot(ctx, src, tmp); err != nil {
		if _, gone := os.Stat(src); gone != nil {
			return nil // retention was faster
		}
		return err
	}
	return b.file(b.scratch, "copy.db", name)
}

// tree copies the plain files below dir that are no databases.
func (b *backup) tree(ctx context.Context, dir, as string) error {
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted meanwhile
		}
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if d.IsDir() {
			if strings.HasPrefix(d.Name(), ".") && p != dir {
				return fs.SkipDir // unfinished uploads
			}
			return nil
		}
		if !d.Type().IsRegular() || isDatabase(d.Name()) {
			return nil
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		return b.file(dir, rel, path.Join(as, filepath.ToSlash(rel)))
	})
	if _, ok := errors.AsType[*fault.Error](err); ok || err == nil {
		return err
	}
	return fault.Wrap(fault.Unavailable, "app.Backup", err, "cannot read %s", dir)
}

func isDatabase(name string) bool {
	for _, suffix := range []string{".db", ".db-wal", ".db-shm", ".db-journal"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// file adds dir/name under the name as, with the size it has now: a pack that
// grows meanwhile grows by what the copied databases do not know.
func (b *backup) file(dir, name, as string) error {
	f, err := os.Open(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, "app.Backup", err, "cannot read %s", as)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fault.Wrap(fault.Unavailable, "app.Backup", err, "cannot read %s", as)
	}
	sum := sha256.New()
	err = b.tar.WriteHeader(&tar.Header{Name: as, Mode: 0o600, Size: info.Size(), ModTime: info.ModTime().Truncate(time.Second), Format: tar.FormatPAX})
	if err == nil {
		_, err = io.CopyN(io.MultiWriter(b.tar, sum), f, info.Size())
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, "app.Backup", err, "%s could not be copied", as)
	}
	b.manifest.Files[as] = FileEntry{info.Size(), hex.EncodeToString(sum.Sum(nil))}
	return nil
}

func (b *backup) finish() error {
	data, err := json.MarshalIndent(b.manifest, "", "  ")
	if err == nil {
		err = b.tar.WriteHeader(&tar.Header{Name: manifestName, Mode: 0o600, Size: int64(len(data)), ModTime: b.manifest.Taken.Truncate(time.Second), Format: tar.FormatPAX})
	}
	if err == nil {
		_, err = b.tar.Write(data)
	}
	return fault.Wrap(fault.Unavailable, "app.Backup", err, "the backup could not be written to its end")
}

// artifactDir is the local directory of artifacts.
func (c *Config) artifactDir() string {
	if c.Artifacts == "" {
		return filepath.Join(c.Data, "artifacts")
	}
	return strings.TrimPrefix(c.Artifacts, "file://")
}

// Restore fills the new data directory dir from the backup at source, after
// checking every byte and every database of it. On failure it leaves nothing.
func Restore(ctx context.Context, source, dir string) (*Manifest, error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fault.Existsf("%s is not empty; restore into a new directory with --data", dir)
	}
	in, err := os.Open(source)
	if err != nil {
		return nil, fault.NotFoundf("cannot read %s", source)
	}
	defer in.Close()
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, fault.Wrap(fault.Unavailable, "app.Restore", err, "cannot create %s", parent)
	}
	scratch, err := os.MkdirTemp(parent, ".assay-restore-")
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "app.Restore", err, "cannot write in %s", parent)
	}
	defer os.RemoveAll(scratch)
	m, err := unpack(ctx, in, scratch)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		if strings.HasSuffix(name, ".db") {
			if err := sqlstore.Check(ctx, filepath.Join(scratch, filepath.FromSlash(name))); err != nil {
				return nil, err
			}
		}
	}
	os.Remove(dir) // an empty one
	if err := os.Rename(scratch, dir); err != nil {
		return nil, fault.Wrap(fault.Unavailable, "app.Restore", err, "cannot create %s", dir)
	}
	return m, nil
}

// maxManifest bounds the manifest in bytes.
const maxManifest = 1 << 30

// unpack writes the files of a backup below dir and compares them with the
// manifest.
func unpack(ctx context.Context, in io.Reader, dir string) (*Manifest, error) {
	damaged := func(format string, args ...any) error {
		return fault.New(fault.State, "the backup is damaged: "+format, args...)
	}
	found := map[string]FileEntry{}
	r := tar.NewReader(in)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil, damaged("it has no manifest; it was not written to its end, or is no backup of Assay")
		}
		if err != nil {
			return nil, damaged("it cannot be read as a tar file")
		}
		if h.Name == manifestName {
			return compare(r, found, damaged)
		}
		name := filepath.FromSlash(h.Name)
		if h.Typeflag != tar.TypeReg || !filepath.IsLocal(name) || path.Clean(h.Name) != h.Name {
			return nil, damaged("entry %q has no business in it", h.Name)
		}
		if _, twice := found[h.Name]; twice {
			return nil, damaged("entry %q is there twice", h.Name)
		}
		sum, err := writeSynced(filepath.Join(dir, name), r)
		if err != nil {
			return nil, fault.Wrap(fault.Unavailable, "app.Restore", err, "%s could not be restored", h.Name)
		}
		found[h.Name] = FileEntry{h.Size, sum}
	}
}

func compare(r io.Reader, found map[string]FileEntry, damaged func(string, ...any) error) (*Manifest, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxManifest))
	if err != nil {
		return nil, damaged("its manifest is cut off")
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, damaged("its manifest is not JSON")
	}
	if m.Format != manifestFormat {
		return nil, fault.New(fault.Unsupported, "the backup has format %d; this version reads %d", m.Format, manifestFormat)
	}
	for name, want := range m.Files {
		if found[name] != want {
			return nil, damaged("%s differs from what was backed up", name)
		}
	}
	if len(found) != len(m.Files) {
		return nil, damaged("it has %d files, the manifest names %d", len(found), len(m.Files))
	}
	if _, ok := found["control.db"]; !ok {
		return nil, damaged("it has no control.db")
	}
	return &m, nil
}

func writeSynced(name string, r io.Reader) (sum string, err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return "", err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, h), r); err != nil {
		return "", err
	}
	if err := f.Sync(); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), f.Close()
}
