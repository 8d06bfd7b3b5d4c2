package flow

import (
	"context"
	"io"
	"path"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracking"
)

// Files are copied one by one and whole: the store shows a file only after its
// last byte is on disk, and a stream that ends early, or is longer than the
// source says, is an error. The source offers no hash, so that a file that
// changed at the source without changing its size is taken for the same.

const (
	fileTries = 3
	fileFar   = "artifacts outside of the source's reach"
)

// files copies the files below a root of the source to a root of ours. own
// says that what is here came from an import, and may be replaced. A file that
// cannot be copied is counted, and the thing it belongs to is here without it.
func (w *worker) files(ctx context.Context, from FileRoot, to string, own bool) error {
	err := w.source.Files(ctx, from, func(f tracking.File) error {
		outcome, size, err := w.file(ctx, from, to, f, own)
		if err := stops(err); err != nil {
			return err
		}
		reason := ""
		switch {
		case err != nil:
			outcome, reason = Failed, fault.Message(err)
		case outcome == Different:
			reason = "a file of another size is here already, and was not imported"
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.at.Report.take(KindArtifact, from.name(f.Path), outcome, reason)
		if outcome == Copied || outcome == Updated {
			w.at.Report.Bytes += size
		}
		return nil
	})
	if fault.Is(err, fault.Unsupported) {
		// It lies where only the client that wrote it reaches.
		w.mu.Lock()
		defer w.mu.Unlock()
		w.at.Report.find(KindArtifact, from.name(""), Failed, fault.Message(err))
		w.at.Report.leave(fileFar)
		return nil
	}
	return err
}

func (r FileRoot) name(p string) string {
	return path.Join(r.Run+r.Model+r.Trace, p)
}

func (w *worker) file(ctx context.Context, from FileRoot, to string, f tracking.File, own bool) (Outcome, int64, error) {
	if tracking.CheckPath(f.Path) != nil {
		return Failed, 0, fault.Invalidf("a file of this name cannot be kept here, as a path with #, .. or a backslash")
	}
	outcome := Copied
	size, _, err := w.cfg.Artifacts.StatFile(ctx, to, f.Path)
	switch {
	case err == nil && (f.Size < 0 || size == f.Size):
		return Already, 0, nil
	case err == nil && !own:
		return Different, 0, nil
	case err == nil:
		outcome = Updated
	case !fault.Is(err, fault.NotFound):
		return Failed, 0, err
	}
	for try := 1; ; try++ {
		n, err := w.fetch(ctx, from, to, f)
		if err == nil || try == fileTries || !fault.Is(err, fault.Unavailable) || ctx.Err() != nil {
			return outcome, n, err
		}
		select {
		case <-time.After(time.Duration(try) * time.Second):
		case <-ctx.Done():
			return Failed, 0, ctx.Err()
		}
	}
}

func (w *worker) fetch(ctx context.Context, from FileRoot, to string, f tracking.File) (int64, error) {
	r, size, err := w.source.Open(ctx, from, f.Path)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	if size < 0 {
		size = f.Size
	}
	if f.Size >= 0 && size != f.Size {
		return 0, fault.New(fault.Invalid, "the source lists %d bytes and sends %d", f.Size, size)
	}
	return w.cfg.Artifacts.PutFile(ctx, to, f.Path, &exactReader{r: r, left: size, bounded: size >= 0})
}

// exactReader fails unless r ends where it should.
type exactReader struct {
	r       io.Reader
	left    int64
	bounded bool
}

func (e *exactReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err != nil && err != io.EOF {
		if fault.KindOf(err) == fault.Internal {
			err = fault.Wrap(fault.Unavailable, "flow.fetch", err, "the source broke off in the middle of a file")
		}
		return n, err
	}
	if !e.bounded {
		return n, err
	}
	e.left -= int64(n)
	if e.left < 0 || err == io.EOF && e.left != 0 {
		return n, fault.New(fault.Unavailable, "the source sent a file of another length than it said")
	}
	return n, err
}

// compareFiles compares the files of a root by name and size. They are items
// of their own, not differences of the thing they belong to.
func (w *worker) compareFiles(ctx context.Context, from FileRoot, to string) error {
	err := w.source.Files(ctx, from, func(f tracking.File) error {
		size, _, err := w.cfg.Artifacts.StatFile(ctx, to, f.Path)
		var found []string
		switch {
		case fault.Is(err, fault.NotFound), fault.Is(err, fault.Invalid):
			found = []string{"the file " + f.Path + " is not here"}
		case err != nil:
			return err
		case f.Size >= 0 && size != f.Size:
			found = []string{"the file " + f.Path + " has " + itoa(f.Size) + " bytes there and " + itoa(size) + " here"}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.at.Report.check(KindArtifact, from.name(f.Path), found)
		return nil
	})
	if fault.Is(err, fault.Unsupported) {
		return nil // noted when it was copied
	}
	return err
}
