package sqlstore

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/assayhq/assay/internal/fault"
)

// blocks is where a partition's payload lies: a pack file beside SQLite, or a
// table of PostgreSQL.
type blocks interface {
	// frame returns a whole frame by number.
	frame(ctx context.Context, n int64) ([]byte, error)
}

// pack is an append-only file of frames. A block's number is the offset of
// its frame. One goroutine appends; any number read.
type pack struct {
	file *os.File
	end  int64        // where the next frame goes; the writer's
	kept atomic.Int64 // where durable, committed frames end
}

// openPack opens or creates the pack at path. What lies behind committed was
// never acknowledged, whole or torn, and is cut off.
func openPack(path string, committed int64) (*pack, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	p := &pack{file: f, end: committed}
	p.kept.Store(committed)
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.Size() < committed:
		err = fault.New(fault.Internal, "the pack %s ends at %d, but %d bytes were committed", path, info.Size(), committed)
	case info.Size() > committed:
		err = f.Truncate(committed)
	case committed == 0:
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return p, nil
}

// write appends frames and makes them durable.
func (p *pack) write(frames []byte) error {
	if _, err := p.file.WriteAt(frames, p.end); err != nil {
		return fault.Wrap(fault.Unavailable, "sqlstore.pack", err, "the payload could not be written; is the disk full?")
	}
	if err := p.file.Sync(); err != nil {
		return fault.Wrap(fault.Unavailable, "sqlstore.pack", err, "the payload could not be made durable")
	}
	return nil
}

// head reads the header of the frame at n; io.EOF at or behind limit.
func (p *pack) head(n, limit int64) (frameHead, error) {
	if n >= limit {
		return frameHead{}, io.EOF
	}
	var h [frameHeader]byte
	if _, err := p.file.ReadAt(h[:], n); err != nil {
		return frameHead{}, errors.Join(errFrame, err)
	}
	return parseHead(h[:])
}

func (p *pack) frame(_ context.Context, n int64) ([]byte, error) {
	head, err := p.head(n, p.kept.Load())
	if err != nil {
		return nil, err
	}
	buf := make([]byte, frameHeader+head.packed)
	if _, err := p.file.ReadAt(buf, n); err != nil {
		return nil, errors.Join(errFrame, err)
	}
	return buf, nil
}

// syncDir makes names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
