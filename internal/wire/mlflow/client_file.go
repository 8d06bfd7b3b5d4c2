package mlflow

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/flow"
	"github.com/assayhq/assay/internal/tracking"
)

// Files that the source's artifact proxy keeps are read from it, for it streams
// them; those it keeps elsewhere, as in S3, are read through the calls of its
// pages, which make the server fetch them.

const (
	maxFolders = 64 // of folders in folders
	fileStall  = time.Minute
)

type fileIn struct {
	Path string `json:"path"`
	Dir  bool   `json:"is_dir"`
	Size *Int   `json:"file_size"`
}

// Files implements [flow.Source].
func (c *Client) Files(ctx context.Context, root flow.FileRoot, fn func(tracking.File) error) error {
	return c.folder(ctx, root, "", 0, fn)
}

func (c *Client) folder(ctx context.Context, root flow.FileRoot, dir string, depth int, fn func(tracking.File) error) error {
	if depth > maxFolders {
		return fault.Invalidf("folders lie more than %d deep", maxFolders)
	}
	for token := ""; ; {
		list, next, err := c.list(ctx, root, dir, token)
		if err != nil {
			if depth == 0 {
				return absent(err)
			}
			return err
		}
		for _, f := range list {
			name := path.Base(f.Path)
			if name == "." || name == "/" || name == ".." {
				continue
			}
			full := path.Join(dir, name)
			switch {
			case f.Dir:
				err = c.folder(ctx, root, full, depth+1, fn)
			case f.Size == nil:
				err = fn(tracking.File{Path: full, Size: -1})
			default:
				err = fn(tracking.File{Path: full, Size: int64(*f.Size)})
			}
			if err != nil {
				return err
			}
		}
		if next == "" || next == token {
			return nil
		}
		token = next
	}
}

// list reads one folder of a root.
func (c *Client) list(ctx context.Context, root flow.FileRoot, dir, token string) ([]fileIn, string, error) {
	var out struct {
		Files []fileIn `json:"files"`
		Next  string   `json:"next_page_token"`
	}
	q := url.Values{}
	if token != "" {
		q.Set("page_token", token)
	}
	call, key := "", ""
	proxied, ok := proxyPath(root.URI)
	switch {
	case ok:
		call, key, dir = "/api/2.0/mlflow-artifacts/artifacts", "path", path.Join(proxied, dir)
	case root.Run != "":
		call, key = rest2+"artifacts/list", "path"
		q.Set("run_id", root.Run)
	case root.Model != "":
		call, key = rest2+"logged-models/"+url.PathEscape(root.Model)+"/artifacts/directories", "artifact_directory_path"
	default:
		return nil, "", tooFar(root.URI)
	}
	if dir != "" && dir != "." {
		q.Set(key, dir)
	}
	err := c.call(ctx, http.MethodGet, call, q, nil, &out)
	return out.Files, out.Next, err
}

func tooFar(uri string) error {
	return fault.New(fault.Unsupported, "the files at %s are out of the server's reach", clip(uri))
}

// proxyPath is the path of a root that the artifact proxy serves.
func proxyPath(uri string) (string, bool) {
	u, err := url.Parse(uri)
	if err != nil {
		return "", false
	}
	switch u.Scheme {
	case "mlflow-artifacts":
		return strings.Trim(u.Path+u.Opaque, "/"), true
	case "http", "https":
		if _, rest, ok := strings.Cut(u.Path, "/api/2.0/mlflow-artifacts/artifacts/"); ok {
			return strings.Trim(rest, "/"), true
		}
	}
	return "", false
}

// Open implements [flow.Source].
func (c *Client) Open(ctx context.Context, root flow.FileRoot, p string) (io.ReadCloser, int64, error) {
	call, q := "", url.Values{}
	proxied, ok := proxyPath(root.URI)
	switch {
	case ok:
		call = "/api/2.0/mlflow-artifacts/artifacts/" + escapedPath(path.Join(proxied, p))
	case root.Run != "":
		call, q = "/get-artifact", url.Values{"run_id": {root.Run}, "path": {p}}
	case root.Model != "":
		call, q = "/ajax-api/2.0/mlflow/logged-models/"+url.PathEscape(root.Model)+"/artifacts/files", url.Values{"artifact_file_path": {p}}
	default:
		return nil, 0, tooFar(root.URI)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	resp, err := c.send(ctx, http.MethodGet, call, q, nil)
	if err != nil {
		cancel(nil)
		return nil, 0, err
	}
	body := &steadyBody{ReadCloser: resp.Body, cancel: cancel, ctx: ctx, host: c.base.Host}
	body.timer = time.AfterFunc(fileStall, func() {
		cancel(fault.New(fault.Unavailable, "%s sent nothing of a file for %s", body.host, fileStall))
	})
	return body, resp.ContentLength, nil
}

func escapedPath(p string) string {
	parts := strings.Split(p, "/")
	for i, s := range parts {
		parts[i] = url.PathEscape(s)
	}
	return strings.Join(parts, "/")
}

// steadyBody gives a stream up when nothing comes for a while, however long
// the whole takes.
type steadyBody struct {
	io.ReadCloser
	timer  *time.Timer
	ctx    context.Context
	cancel context.CancelCauseFunc
	host   string
}

func (b *steadyBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil {
		b.timer.Reset(fileStall)
		return n, nil
	}
	if err != io.EOF {
		if cause := context.Cause(b.ctx); cause != nil {
			return n, cause
		}
		err = fault.Wrap(fault.Unavailable, "mlflow.Open", err, "%s broke off in the middle of a file", b.host)
	}
	return n, err
}

func (b *steadyBody) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}
