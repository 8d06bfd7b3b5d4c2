package blob

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strings"
	"time"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/s3blob" // the s3:// scheme
	"gocloud.dev/gcerrors"

	"github.com/assayhq/assay/internal/fault"
)

// bucket keeps objects in an object store.
type bucket struct {
	b *blob.Bucket
}

// Parts of an upload that are held in memory: at most partSize × partsAtOnce
// per transfer. S3 takes 10,000 parts, so objects reach 80 GB.
const (
	partSize    = 8 << 20
	partsAtOnce = 2
)

func openS3(ctx context.Context, where string) (Store, error) {
	u, err := url.Parse(where)
	if err != nil || u.Host == "" {
		return nil, fault.Invalidf("the S3 address must look like s3://bucket?region=…")
	}
	b, err := blob.OpenBucket(ctx, where)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "blob.Open", err, "the S3 address of bucket %s has an option that does not exist or is wrong", u.Host)
	}
	ok, err := b.IsAccessible(ctx)
	if err != nil || !ok {
		b.Close()
		return nil, fault.Wrap(fault.Unavailable, "blob.Open", errors.Join(err, errors.New("not accessible")),
			"the S3 bucket %s cannot be reached: check its name, the endpoint and the credentials in the environment", u.Host)
	}
	return &bucket{b}, nil
}

// Close implements [Store].
func (s *bucket) Close() error { return s.b.Close() }

func (s *bucket) fault(op, key string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		return noObject(key)
	case gcerrors.PermissionDenied:
		return fault.Wrap(fault.Unavailable, "blob."+op, err, "the object store refuses the server's credentials")
	case gcerrors.ResourceExhausted, gcerrors.DeadlineExceeded:
		return fault.Wrap(fault.Unavailable, "blob."+op, err, "the object store does not answer; try again")
	}
	return fault.Wrap(fault.Internal, "blob."+op, err, "the object store failed at %s", key)
}

// Put implements [Store].
func (s *bucket) Put(ctx context.Context, key string, r io.Reader) (int64, error) {
	if err := CheckKey(key); err != nil {
		return 0, err
	}
	return s.put(ctx, key, r)
}

func (s *bucket) put(ctx context.Context, key string, r io.Reader) (int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := s.b.NewWriter(ctx, key, &blob.WriterOptions{
		ContentType: "application/octet-stream", BufferSize: partSize, MaxConcurrency: partsAtOnce,
	})
	if err != nil {
		return 0, s.fault("Put", key, err)
	}
	counted := &failNoter{r: r}
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, counted, make([]byte, copyBuffer))
	if err != nil {
		cancel() // before Close, which would keep the part that came
		w.Close()
		if counted.err != nil {
			if _, ok := errors.AsType[*fault.Error](counted.err); ok {
				return 0, counted.err
			}
			return 0, fault.Wrap(fault.Invalid, "blob.Put", counted.err, "the upload of %s ended before it was complete", key)
		}
		return 0, s.fault("Put", key, err)
	}
	return n, s.fault("Put", key, w.Close())
}

// failNoter remembers whether it was the source that failed.
type failNoter struct {
	r   io.Reader
	err error
}

func (f *failNoter) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

// Open implements [Store].
func (s *bucket) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	r, err := s.b.NewRangeReader(ctx, key, offset, length, nil)
	if err != nil {
		return nil, s.fault("Open", key, err)
	}
	return r, nil
}

// Stat implements [Store].
func (s *bucket) Stat(ctx context.Context, key string) (int64, time.Time, error) {
	if err := CheckKey(key); err != nil {
		return 0, time.Time{}, err
	}
	a, err := s.b.Attributes(ctx, key)
	if err != nil {
		return 0, time.Time{}, s.fault("Stat", key, err)
	}
	return a.Size, a.ModTime, nil
}

// List implements [Store]. The token is that of the object store.
func (s *bucket) List(ctx context.Context, prefix, token string, limit int, fn func(string, bool, int64)) (string, error) {
	if prefix != "" {
		if err := CheckKey(prefix); err != nil {
			return "", err
		}
		prefix += "/"
	}
	next := blob.FirstPageToken
	if token != "" {
		next = []byte(token)
	}
	for limit > 0 {
		objects, following, err := s.b.ListPage(ctx, next, min(limit, 1000), &blob.ListOptions{Prefix: prefix, Delimiter: "/"})
		if err != nil {
			return "", s.fault("List", prefix, err)
		}
		for _, o := range objects {
			name := strings.TrimSuffix(strings.TrimPrefix(o.Key, prefix), "/")
			if name == "" || prefix == "" && name == staging {
				continue // a marker some tools make for a directory, or ours
			}
			fn(name, o.IsDir, o.Size)
			limit--
		}
		if len(following) == 0 {
			return "", nil
		}
		next = following
	}
	return string(next), nil
}

// Delete implements [Store].
func (s *bucket) Delete(ctx context.Context, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if err := s.b.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return s.fault("Delete", key, err)
	}
	return nil
}

// DeleteAll implements [Store].
func (s *bucket) DeleteAll(ctx context.Context, prefix string) error {
	if err := s.Delete(ctx, prefix); err != nil {
		return err
	}
	for {
		objects, _, err := s.b.ListPage(ctx, blob.FirstPageToken, 1000, &blob.ListOptions{Prefix: prefix + "/"})
		if err != nil {
			return s.fault("DeleteAll", prefix, err)
		}
		if len(objects) == 0 {
			return nil
		}
		for _, o := range objects {
			if err := s.b.Delete(ctx, o.Key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
				return s.fault("DeleteAll", prefix, err)
			}
		}
	}
}

// Compose implements [Store] by streaming the parts through the server.
func (s *bucket) Compose(ctx context.Context, key string, parts []string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	r := &partsReader{ctx: ctx, s: s, parts: parts}
	defer r.close()
	_, err := s.put(ctx, key, r)
	return err
}

// partsReader reads objects one after the other.
type partsReader struct {
	ctx   context.Context
	s     *bucket
	parts []string
	open  io.ReadCloser
}

func (r *partsReader) close() {
	if r.open != nil {
		r.open.Close()
	}
}

func (r *partsReader) Read(p []byte) (int, error) {
	for {
		if r.open == nil {
			if len(r.parts) == 0 {
				return 0, io.EOF
			}
			var err error
			if r.open, err = r.s.Open(r.ctx, r.parts[0], 0, -1); err != nil {
				return 0, err
			}
			r.parts = r.parts[1:]
		}
		n, err := r.open.Read(p)
		if err == io.EOF {
			r.open.Close()
			r.open, err = nil, nil
			if n == 0 {
				continue
			}
		}
		return n, err
	}
}
