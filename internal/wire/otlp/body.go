package otlp

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"github.com/assayhq/assay/internal/fault"
)

// budget is a number of bytes shared by all requests.
type budget struct {
	limit int64
	used  atomic.Int64
}

func (b *budget) take(n int64) bool {
	if b.used.Add(n) > b.limit {
		b.used.Add(-n)
		return false
	}
	return true
}

func (b *budget) give(n int64) { b.used.Add(-n) }

var errBusy = fault.New(fault.Limited, "the server is taking in as much as it can hold; send again later")

// body is a request's bytes, decompressed, and what they hold of the budget.
type body struct {
	*bytes.Buffer
	from  *budget
	taken int64
}

// reuseBelow is the capacity up to which buffers are kept for the next
// request.
const reuseBelow = 1 << 20

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// release gives back what b holds. Nothing may alias its bytes afterwards.
func (b *body) release() {
	b.from.give(b.taken)
	if b.Cap() <= reuseBelow {
		b.Reset()
		buffers.Put(b.Buffer)
	}
	b.Buffer = nil
}

// readBody reads and decompresses a request's body. The caller releases it,
// also after an error.
func (s *Server) readBody(r *http.Request) (*body, error) {
	b := &body{Buffer: buffers.Get().(*bytes.Buffer), from: &s.flight}
	src, done, err := decompress(r)
	if err != nil {
		return b, err
	}
	defer done()
	plain := src == io.Reader(r.Body)
	if plain && r.ContentLength > int64(s.cfg.MaxBody) {
		return b, s.tooLarge()
	}
	if n := r.ContentLength; n > 0 && n <= reuseBelow {
		b.Grow(int(n) + bytes.MinRead)
	}
	const chunk = 256 << 10
	for {
		if !b.from.take(chunk) {
			return b, errBusy
		}
		b.taken += chunk
		n, err := io.Copy(b.Buffer, io.LimitReader(src, chunk))
		if b.Len() > s.cfg.MaxBody {
			return b, s.tooLarge()
		}
		if err != nil {
			return b, readFault(err, plain)
		}
		if n < chunk {
			return b, nil
		}
	}
}

func (s *Server) tooLarge() error {
	return fault.New(fault.TooLarge, "the request is over %d bytes after decompression; send smaller batches", s.cfg.MaxBody)
}

func readFault(err error, plain bool) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.Wrap(fault.TooLarge, "otlp.readBody", err, "the request body is too large; send smaller batches")
	}
	if plain {
		return fault.Wrap(fault.Invalid, "otlp.readBody", err, "the request body ended before its time")
	}
	return fault.Wrap(fault.Invalid, "otlp.readBody", err, "the request body is not what its Content-Encoding says")
}

var gzipReaders sync.Pool

// decompress opens the body by its Content-Encoding. done must be called when
// reading is over.
func decompress(r *http.Request) (src io.Reader, done func(), err error) {
	nothing := func() {}
	bad := func(err error) (io.Reader, func(), error) { return nil, nothing, readFault(err, false) }
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
		return r.Body, nothing, nil
	case "gzip", "x-gzip":
		z, ok := gzipReaders.Get().(*gzip.Reader)
		if !ok {
			z = new(gzip.Reader)
		}
		if err := z.Reset(r.Body); err != nil {
			return bad(err)
		}
		return z, func() { gzipReaders.Put(z) }, nil
	case "deflate":
		z, err := zlib.NewReader(r.Body)
		if err != nil {
			return bad(err)
		}
		return z, func() { z.Close() }, nil
	case "zstd":
		// The window is bounded apart from the size, since it is allocated first.
		z, err := zstd.NewReader(r.Body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return bad(err)
		}
		return z, z.Close, nil
	default:
		return nil, nothing, &unsupportedMedia{"Content-Encoding " + quoted(encoding) + " is not supported; send gzip, deflate, zstd or none"}
	}
}

// unsupportedMedia is answered with 415, which no kind of fault stands for.
type unsupportedMedia struct{ msg string }

func (e *unsupportedMedia) Error() string { return e.msg }

func quoted(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return `"` + strings.ToValidUTF8(s, "\uFFFD") + `"`
}
