package app

import (
	"context"
	"io"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/blob"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/wire/api"
)

// files reads artifacts for the pages, by the root URI of a run or version.
type files struct{ store blob.Store }

// keyOf is where the file p below root is kept. Roots elsewhere are clients'
// business: this server has no credentials for them.
func keyOf(root, p string) (string, error) {
	u, err := url.Parse(root)
	if err != nil || u.Scheme != "mlflow-artifacts" {
		return "", fault.New(fault.Unsupported, "these artifacts are not kept by this server, but at %s", root)
	}
	key := strings.Trim(u.Path, "/")
	if p = strings.Trim(p, "/"); p != "" {
		if path.Clean("/"+p) != "/"+p {
			return "", fault.Invalidf("%q is no path of an artifact", p)
		}
		key += "/" + p
	}
	return key, blob.CheckKey(key)
}

func (f files) ListFiles(ctx context.Context, root, p, token string, limit int) ([]api.File, string, error) {
	key, err := keyOf(root, p)
	if err != nil {
		return nil, "", err
	}
	list := []api.File{}
	next, err := f.store.List(ctx, key, token, limit, func(name string, dir bool, size int64) {
		list = append(list, api.File{Path: path.Join(strings.Trim(p, "/"), name), Dir: dir, Size: size})
	})
	return list, next, err
}

func (f files) StatFile(ctx context.Context, root, p string) (int64, time.Time, error) {
	key, err := keyOf(root, p)
	if err != nil {
		return 0, time.Time{}, err
	}
	return f.store.Stat(ctx, key)
}

func (f files) OpenFile(ctx context.Context, root, p string, offset, length int64) (io.ReadCloser, error) {
	key, err := keyOf(root, p)
	if err != nil {
		return nil, err
	}
	return f.store.Open(ctx, key, offset, length)
}
