// Package blob keeps objects of any size under keys such as
// "3/<run>/artifacts/model/weights.bin", in a local directory or in an object
// store.
//
// The rules:
//   - An object appears whole or not at all, and a finished Put is on disk.
//   - Objects are streamed: no call holds one in memory.
//   - A key is a relative path of plain segments, checked by [CheckKey] on
//     every call; it cannot leave the store.
package blob

import (
	"context"
	"io"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/fault"
)

// Store keeps objects. It is safe for concurrent use.
type Store interface {
	// Put stores what r yields until EOF under key, in place of what was
	// there, and returns its size. If r fails, what was there stays.
	Put(ctx context.Context, key string, r io.Reader) (int64, error)
	// Open returns length bytes of an object from offset; a negative length
	// means to its end. The caller closes the reader. A missing object is a
	// NotFound fault.
	Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)
	// Stat returns size and time of last change. A missing object is a
	// NotFound fault, a mere prefix of others too.
	Stat(ctx context.Context, key string) (size int64, modified time.Time, err error)
	// List calls fn for what lies directly under prefix, "" or a key, in order
	// of name: objects with their size, and once each segment under which more
	// lie, with dir set. It stops after limit calls and returns the token to
	// go on with, "" at the end.
	List(ctx context.Context, prefix, token string, limit int, fn func(name string, dir bool, size int64)) (string, error)
	// Delete removes an object. A missing one is no error.
	Delete(ctx context.Context, key string) error
	// DeleteAll removes everything under prefix, a key, and an object of that
	// very key.
	DeleteAll(ctx context.Context, prefix string) error
	// Compose makes key of the objects parts, one after the other.
	Compose(ctx context.Context, key string, parts []string) error
	Close() error
}

// Open opens the store that where names: a directory, a file:// URL, or an
// s3:// URL as s3://bucket?prefix=a/b/&endpoint=https://host&region=r&use_path_style=true.
// Credentials of S3 come from the environment, as AWS's own tools have it.
func Open(ctx context.Context, where string) (Store, error) {
	scheme, rest, ok := strings.Cut(where, "://")
	switch {
	case !ok:
		return OpenLocal(where)
	case scheme == "file":
		path, err := url.PathUnescape(rest)
		if err != nil {
			return nil, fault.Invalidf("%s is not a file:// URL", where)
		}
		return OpenLocal(path)
	case scheme == "s3":
		return openS3(ctx, where)
	}
	return nil, fault.Invalidf("artifacts can be kept in a directory or in s3://…, not in %s://", scheme)
}

const (
	maxKey     = 1024 // bytes, the limit of S3
	maxSegment = 255  // bytes, the limit of file systems
)

// staging holds what is not finished. No key may begin with it.
const staging = ".assay-staging"

// CheckKey refuses keys that are not plain relative paths.
func CheckKey(key string) error {
	if key == "" || len(key) > maxKey || !utf8.ValidString(key) {
		return fault.Invalidf("Invalid path: it must be 1 to %d bytes of UTF-8", maxKey)
	}
	first := true
	for s := range strings.SplitSeq(key, "/") {
		switch {
		case s == "" || s == "." || s == "..":
			return fault.Invalidf("Invalid path: empty, '.' and '..' segments are not allowed")
		case len(s) > maxSegment:
			return fault.Invalidf("Invalid path: a segment is over %d bytes", maxSegment)
		case strings.ContainsAny(s, "\x00\\"):
			return fault.Invalidf("Invalid path: it contains a NUL or a backslash")
		case first && s == staging:
			return fault.Invalidf("Invalid path: %s is reserved", staging)
		}
		first = false
	}
	return nil
}

func noObject(key string) error { return fault.NotFoundf("No such artifact: '%s'", key) }
