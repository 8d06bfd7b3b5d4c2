package blob

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/id"
)

// Local keeps objects as files of the same path below a directory. A file is
// written beside the others, flushed to disk, renamed into place, and then its
// directory is flushed. Links that lead out of the directory are not followed.
type Local struct {
	root *os.Root
	// dirs keeps a directory from being removed as empty between its making
	// and the placing of the first file in it.
	dirs sync.RWMutex
}

var (
	_ Store = (*Local)(nil)
	_ Store = (*bucket)(nil)
)

// OpenLocal opens or creates the directory at dir and removes what a crash
// left unfinished there.
func OpenLocal(dir string) (*Local, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(fault.Unavailable, "blob.OpenLocal", err, "cannot create the directory %s", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "blob.OpenLocal", err, "cannot open the directory %s", dir)
	}
	l := &Local{root: root}
	if err := root.RemoveAll(staging); err == nil {
		err = root.Mkdir(staging, 0o700)
		if err != nil {
			root.Close()
			return nil, fault.Wrap(fault.Unavailable, "blob.OpenLocal", err, "cannot write in the directory %s", dir)
		}
	}
	return l, nil
}

// Close implements [Store].
func (l *Local) Close() error { return l.root.Close() }

// copyBuffer is what one transfer holds in memory.
const copyBuffer = 256 << 10

// Put implements [Store].
func (l *Local) Put(ctx context.Context, key string, r io.Reader) (int64, error) {
	if err := CheckKey(key); err != nil {
		return 0, err
	}
	return l.write(ctx, key, func(f *os.File) (int64, error) {
		// The plain reader and writer keep io.Copy to this buffer.
		return io.CopyBuffer(struct{ io.Writer }{f}, struct{ io.Reader }{&ctxReader{ctx, r}}, make([]byte, copyBuffer))
	})
}

// ctxReader ends a transfer whose caller went away.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *ctxReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// write makes the file of key from what fill puts into a staged one.
func (l *Local) write(ctx context.Context, key string, fill func(*os.File) (int64, error)) (n int64, err error) {
	staged := staging + "/" + id.Hex()
	f, err := l.root.OpenFile(staged, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, failed("write", key, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			l.root.Remove(staged)
		}
	}()
	if n, err = fill(f); err != nil {
		if _, ok := errors.AsType[*fs.PathError](err); ok {
			return 0, failed("write", key, err)
		}
		if _, ok := errors.AsType[*fault.Error](err); ok {
			return 0, err // the reader's own word, which knows more than a context
		}
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		return 0, fault.Wrap(fault.Invalid, "blob.Put", err, "the upload of %s ended before it was complete", key)
	}
	if err = f.Sync(); err != nil {
		return 0, failed("write", key, err)
	}
	if err = f.Close(); err != nil {
		return 0, failed("write", key, err)
	}
	if err = l.place(staged, key); err != nil {
		return 0, failed("write", key, err)
	}
	return n, nil
}

// place renames a staged file to key.
func (l *Local) place(staged, key string) error {
	l.dirs.RLock()
	defer l.dirs.RUnlock()
	if err := l.mkdirs(path.Dir(key)); err != nil {
		return err
	}
	if err := l.root.Rename(staged, key); err != nil {
		return err
	}
	return l.sync(path.Dir(key))
}

// mkdirs makes dir and its parents; each new one is flushed into its parent.
func (l *Local) mkdirs(dir string) error {
	if dir == "." {
		return nil
	}
	if info, err := l.root.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := l.mkdirs(path.Dir(dir)); err != nil {
		return err
	}
	if err := l.root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return l.sync(path.Dir(dir))
}

// sync flushes the entries of a directory.
func (l *Local) sync(dir string) error {
	d, err := l.root.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// failed classifies an error of the file system.
func failed(what, key string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return noObject(key)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENOTEMPTY), errors.Is(err, fs.ErrExist):
		return fault.Wrap(fault.Invalid, "blob."+what, err, "Invalid path: '%s' would be a file and a directory at once", key)
	case errors.Is(err, syscall.ENAMETOOLONG), strings.Contains(err.Error(), "escapes from parent"):
		return fault.Wrap(fault.Invalid, "blob."+what, err, "Invalid path: '%s'", key)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.Wrap(fault.Unavailable, "blob."+what, err, "the disk of the artifacts is full")
	}
	return fault.Wrap(fault.Internal, "blob."+what, err, "the artifact %s could not be reached", key)
}

// file opens a regular file.
func (l *Local) file(key string) (*os.File, fs.FileInfo, error) {
	if err := CheckKey(key); err != nil {
		return nil, nil, err
	}
	info, err := l.root.Lstat(key)
	if errors.Is(err, syscall.ENOTDIR) || err == nil && !info.Mode().IsRegular() {
		return nil, nil, noObject(key)
	}
	if err != nil {
		return nil, nil, failed("Open", key, err)
	}
	f, err := l.root.Open(key)
	if err != nil {
		return nil, nil, failed("Open", key, err)
	}
	if info, err = f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, nil, noObject(key)
	}
	return f, info, nil
}

// Open implements [Store].
func (l *Local) Open(_ context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	f, _, err := l.file(key)
	if err != nil {
		return nil, err
	}
	if offset > 0 {
		if _, err := f.Seek(offset, io.SeekStart); err != nil {
			f.Close()
			return nil, failed("Open", key, err)
		}
	}
	if length < 0 {
		return f, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(f, length), f}, nil
}

// Stat implements [Store].
func (l *Local) Stat(_ context.Context, key string) (int64, time.Time, error) {
	if err := CheckKey(key); err != nil {
		return 0, time.Time{}, err
	}
	info, err := l.root.Lstat(key)
	if errors.Is(err, syscall.ENOTDIR) || err == nil && !info.Mode().IsRegular() {
		return 0, time.Time{}, noObject(key)
	}
	if err != nil {
		return 0, time.Time{}, failed("Stat", key, err)
	}
	return info.Size(), info.ModTime(), nil
}

// List implements [Store].
func (l *Local) List(_ context.Context, prefix, token string, limit int, fn func(string, bool, int64)) (string, error) {
	dir := "."
	if prefix != "" {
		if err := CheckKey(prefix); err != nil {
			return "", err
		}
		dir = prefix
	}
	d, err := l.root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return "", nil
	}
	if err != nil {
		return "", failed("List", prefix, err)
	}
	defer d.Close()
	if info, err := d.Stat(); err != nil || !info.IsDir() {
		return "", nil
	}
	entries, err := d.ReadDir(-1)
	if err != nil {
		return "", failed("List", prefix, err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	from, found := slices.BinarySearchFunc(entries, token, func(e fs.DirEntry, name string) int { return strings.Compare(e.Name(), name) })
	if found {
		from++
	}
	last := ""
	for _, e := range entries[from:] {
		if !e.IsDir() && !e.Type().IsRegular() || prefix == "" && e.Name() == staging {
			continue
		}
		if limit == 0 {
			return last, nil
		}
		var size int64
		if !e.IsDir() {
			info, err := e.Info()
			if err != nil {
				continue // removed meanwhile
			}
			size = info.Size()
		}
		fn(e.Name(), e.IsDir(), size)
		last = e.Name()
		limit--
	}
	return "", nil
}

// Delete implements [Store].
func (l *Local) Delete(_ context.Context, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	info, err := l.root.Lstat(key)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && info.IsDir() {
		return nil
	}
	if err == nil {
		err = l.root.Remove(key)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed("Delete", key, err)
	}
	return l.prune(path.Dir(key))
}

// DeleteAll implements [Store].
func (l *Local) DeleteAll(_ context.Context, prefix string) error {
	if err := CheckKey(prefix); err != nil {
		return err
	}
	if err := l.root.RemoveAll(prefix); err != nil && !errors.Is(err, syscall.ENOTDIR) {
		return failed("DeleteAll", prefix, err)
	}
	return l.prune(path.Dir(prefix))
}

// prune removes directories that have become empty, as an object store has
// none, and flushes the first that has not.
func (l *Local) prune(dir string) error {
	l.dirs.Lock()
	defer l.dirs.Unlock()
	for dir != "." {
		if err := l.root.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			break
		}
		dir = path.Dir(dir)
	}
	if err := l.sync(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed("Delete", dir, err)
	}
	return nil
}

// Compose implements [Store]. The kernel copies from file to file.
func (l *Local) Compose(ctx context.Context, key string, parts []string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	_, err := l.write(ctx, key, func(f *os.File) (int64, error) {
		var total int64
		for _, p := range parts {
			if err := ctx.Err(); err != nil {
				return total, err
			}
			part, _, err := l.file(p)
			if err != nil {
				return total, err
			}
			n, err := io.Copy(f, part)
			part.Close()
			total += n
			if err != nil {
				return total, err
			}
		}
		return total, nil
	})
	return err
}
