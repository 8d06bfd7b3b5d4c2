package mlflow

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracking"
)

// ArtifactsConfig is what the artifact calls need besides the artifacts.
type ArtifactsConfig struct {
	Tracking *tracking.Service
	// VersionURI is where the files of a model version lie.
	VersionURI func(ctx context.Context, name, version string) (string, error)
	// PublicURL is the server's address as clients know it; "" means the one
	// each request names.
	PublicURL string
}

// artifacts serves the files of runs and models.
type artifacts struct {
	server *Server
	files  *tracking.Artifacts
	cfg    ArtifactsConfig
}

// ServeArtifacts adds the artifact proxy and the calls that read the files of a
// run or a model.
func (s *Server) ServeArtifacts(files *tracking.Artifacts, cfg ArtifactsConfig) {
	h := artifacts{s, files, cfg}
	s.artifacts = &h
	s.groups = append(s.groups, h.proxy, h.uploads, h.reads)
}

// streamed is a route whose handler writes the answer itself.
func streamed(method, path string, need caller.Permission, h func(http.ResponseWriter, *http.Request) error) route {
	return route{Version: "2.0", Method: method, Path: path, Need: need, Stream: h}
}

func (h artifacts) proxy() []route {
	const proxy = "mlflow-artifacts/artifacts"
	return []route{
		v2(http.MethodGet, proxy, caller.Read, bind(h.list)),
		streamed(http.MethodGet, proxy+"/{path...}", caller.Read, h.download),
		streamed(http.MethodPut, proxy+"/{path...}", caller.Write, h.upload),
		v2(http.MethodDelete, proxy+"/{path...}", caller.Write, h.delete),
		v2(http.MethodGet, "mlflow-artifacts/presigned/{path...}", caller.Read, h.presigned),
	}
}

func (h artifacts) reads() []route {
	upload := streamed(http.MethodPost, "mlflow/upload-artifact", caller.Write, h.uploadSmall)
	files := streamed(http.MethodGet, "mlflow/logged-models/{model_id}/artifacts/files", caller.Read, h.modelFile)
	upload.Ajax, files.Ajax = true, true
	ofRun := streamed(http.MethodGet, "get-artifact", caller.Read, h.runFile)
	ofVersion := streamed(http.MethodGet, "model-versions/get-artifact", caller.Read, h.versionFile)
	ofRun.Root, ofVersion.Root = true, true
	return []route{
		v2(http.MethodGet, "mlflow/artifacts/list", caller.Read, bind(h.listRun)),
		v2(http.MethodGet, "mlflow/logged-models/{model_id}/artifacts/directories", caller.Read, bind(h.listModel)),
		v2(http.MethodPost, "mlflow/artifacts/presigned-upload-url", caller.Write, bind(h.presignedUpload)),
		v2(http.MethodPost, "mlflow/artifacts/presigned-download-url", caller.Read, bind(h.presignedDownload)),
		upload, files, ofRun, ofVersion,
	}
}

type fileInfo struct {
	Path string `json:"path"`
	Dir  bool   `json:"is_dir"`
	Size int64  `json:"file_size,omitempty"`
}

type filesAnswer struct {
	Root      string     `json:"root_uri,omitempty"`
	Files     []fileInfo `json:"files,omitempty"`
	NextToken string     `json:"next_page_token,omitempty"`
}

// Entries of a folder are read listPage at a time and, since clients that ask
// for a folder do not page, answered up to maxEntries.
const (
	listPage   = 10000
	maxEntries = 200000
)

// folder lists a folder; whole keeps the paths from the root.
func (h artifacts) folder(ctx context.Context, root, dir, token string, whole bool) (filesAnswer, error) {
	var answer filesAnswer
	for len(answer.Files) < maxEntries {
		files, next, err := h.files.ListFiles(ctx, root, dir, token, listPage)
		if err != nil {
			return answer, err
		}
		for _, f := range files {
			name := f.Path
			if !whole {
				name = path.Base(name)
			}
			answer.Files = append(answer.Files, fileInfo{name, f.Dir, f.Size})
		}
		if token = next; token == "" {
			break
		}
	}
	answer.NextToken = token
	return answer, nil
}

type listRequest struct {
	Path  string `json:"path"`
	Token string `json:"page_token"`
}

func (h artifacts) list(ctx context.Context, r *listRequest) (any, error) {
	return h.folder(ctx, tracking.ArtifactRoot, r.Path, r.Token, false)
}

// download answers with a file, or a part of it, as an attachment: a file that
// a run wrote must not act in a browser as if it were ours.
func (h artifacts) download(w http.ResponseWriter, r *http.Request) error {
	p := r.PathValue("path")
	err := h.send(w, r, tracking.ArtifactRoot, p)
	if fault.Is(err, fault.NotFound) {
		answered, e := h.server.artifactMissing(w, r, p)
		if answered || e != nil {
			return e
		}
	}
	return err
}

func (h artifacts) send(w http.ResponseWriter, r *http.Request, root, p string) error {
	ctx := r.Context()
	size, modified, err := h.files.StatFile(ctx, root, p)
	if err != nil {
		return err
	}
	body := &fileReader{size: size, open: func(offset int64) (io.ReadCloser, error) {
		return h.files.OpenFile(ctx, root, p, offset, -1)
	}}
	defer body.Close()
	header := w.Header()
	header.Set("Content-Type", typeOf(p))
	header.Set("Content-Disposition", attachment(path.Base(p)))
	header.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", modified, body)
	if body.err != nil {
		h.server.Log.Warn("an artifact broke off", "path", p, "error", body.err)
		panic(http.ErrAbortHandler) // so that the client sees it
	}
	return nil
}

// fileReader is a file for [http.ServeContent], opened where it is first read.
type fileReader struct {
	size, at int64
	open     func(offset int64) (io.ReadCloser, error)
	body     io.ReadCloser
	err      error
}

func (f *fileReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.at
	case io.SeekEnd:
		offset += f.size
	}
	if offset < 0 {
		return 0, fault.Invalidf("seek before the beginning")
	}
	if offset != f.at {
		f.Close()
		f.body, f.at = nil, offset
	}
	return offset, nil
}

func (f *fileReader) Read(p []byte) (int, error) {
	if f.at >= f.size {
		return 0, io.EOF
	}
	if f.body == nil {
		if f.body, f.err = f.open(f.at); f.err != nil {
			return 0, f.err
		}
	}
	n, err := f.body.Read(p)
	f.at += int64(n)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

func (f *fileReader) Close() {
	if f.body != nil {
		f.body.Close()
	}
}

// plain are the extensions that are shown as text.
var plain = map[string]bool{
	"txt": true, "log": true, "err": true, "cfg": true, "conf": true, "cnf": true, "cf": true, "ini": true, "properties": true,
	"prop": true, "hocon": true, "toml": true, "yaml": true, "yml": true, "xml": true, "json": true, "js": true, "py": true,
	"py3": true, "csv": true, "tsv": true, "md": true, "rst": true, "ipynb": true, "MLmodel": true, "MLproject": true,
}

func typeOf(p string) string {
	name := path.Base(p)
	ext := strings.TrimPrefix(path.Ext(name), ".")
	if ext == "" {
		ext = name
	}
	if plain[ext] {
		return "text/plain"
	}
	if t := mime.TypeByExtension("." + ext); t != "" {
		return t
	}
	return "application/octet-stream"
}

func attachment(name string) string {
	if v := mime.FormatMediaType("attachment", map[string]string{"filename": name}); v != "" {
		return v
	}
	return "attachment"
}

func (h artifacts) upload(w http.ResponseWriter, r *http.Request) error {
	p := r.PathValue("path")
	if _, err := h.files.PutFile(r.Context(), tracking.ArtifactRoot, p, whole{r.Body}); err != nil {
		return err
	}
	h.stored(r.Context(), p)
	w.WriteHeader(http.StatusOK)
	return nil
}

// stored tells those who wait for certain files that one is there.
func (h artifacts) stored(ctx context.Context, p string) {
	h.server.artifactStored(ctx, p, func(ctx context.Context) (io.ReadCloser, error) {
		return h.files.OpenFile(ctx, tracking.ArtifactRoot, p, 0, -1)
	})
}

func (h artifacts) delete(ctx context.Context, r *http.Request) (any, error) {
	return empty{}, h.files.DeleteFiles(ctx, tracking.ArtifactRoot, r.PathValue("path"))
}

func (h artifacts) presigned(context.Context, *http.Request) (any, error) {
	return nil, fault.New(fault.Unsupported, "Presigned download is not supported: artifacts are served by this server itself.")
}

type runFilesRequest struct {
	runRequest
	listRequest
}

func (h artifacts) listRun(ctx context.Context, r *runFilesRequest) (any, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	if err := tracking.CheckPath(r.Path); err != nil {
		return nil, err
	}
	info, err := h.cfg.Tracking.RunInfo(ctx, id)
	if err != nil {
		return nil, err
	}
	answer, err := h.folder(ctx, info.ArtifactURI, r.Path, r.Token, true)
	answer.Root = info.ArtifactURI
	return answer, err
}

type modelFilesRequest struct {
	ModelID string `json:"model_id"`
	Path    string `json:"artifact_directory_path"`
	Token   string `json:"page_token"`
}

func (h artifacts) listModel(ctx context.Context, r *modelFilesRequest) (any, error) {
	if err := tracking.CheckPath(r.Path); err != nil {
		return nil, err
	}
	m, err := h.cfg.Tracking.Model(ctx, r.ModelID, false)
	if err != nil {
		return nil, err
	}
	answer, err := h.folder(ctx, m.ArtifactLocation, r.Path, r.Token, true)
	answer.Root = m.ArtifactLocation
	return answer, err
}

func (h artifacts) runFile(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	run := runRequest{q.Get("run_id"), q.Get("run_uuid")}
	id, err := run.id()
	if err == nil {
		err = present("path", q.Get("path"))
	}
	if err != nil {
		return err
	}
	info, err := h.cfg.Tracking.RunInfo(r.Context(), id)
	if err != nil {
		return err
	}
	return h.send(w, r, info.ArtifactURI, q.Get("path"))
}

func (h artifacts) versionFile(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	if err := present("name", q.Get("name"), "version", q.Get("version"), "path", q.Get("path")); err != nil {
		return err
	}
	root, err := h.cfg.VersionURI(r.Context(), q.Get("name"), q.Get("version"))
	if err != nil {
		return err
	}
	return h.send(w, r, root, q.Get("path"))
}

func (h artifacts) modelFile(w http.ResponseWriter, r *http.Request) error {
	p := r.URL.Query().Get("artifact_file_path")
	if p == "" {
		return withCode("BAD_REQUEST", fault.Invalidf(`Request must include the "artifact_file_path" query parameter.`))
	}
	m, err := h.cfg.Tracking.Model(r.Context(), r.PathValue("model_id"), false)
	if err != nil {
		return err
	}
	return h.send(w, r, m.ArtifactLocation, p)
}

// maxSmallUpload bounds what the interface of MLflow uploads to a run.
const maxSmallUpload = 10 << 20

func (h artifacts) uploadSmall(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	id, p := q.Get("run_uuid"), q.Get("path")
	switch {
	case id == "":
		return fault.Invalidf("Request must specify run_uuid.")
	case p == "":
		return fault.Invalidf("Request must specify path.")
	case r.ContentLength > maxSmallUpload:
		return fault.Invalidf("Artifact size is too large. Max size is 10MB.")
	case r.ContentLength == 0:
		return fault.Invalidf("Request must specify data.")
	}
	info, err := h.cfg.Tracking.RunInfo(r.Context(), id)
	if err != nil {
		return err
	}
	if _, err := h.files.PutFile(r.Context(), info.ArtifactURI, p, &capped{r.Body, maxSmallUpload}); err != nil {
		return err
	}
	return writeJSON(w, empty{})
}

// capped refuses a body that is longer than announced.
// whole reads a body and calls one that ends early what it is: the sender's.
type whole struct{ io.Reader }

func (w whole) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if _, known := errors.AsType[*fault.Error](err); err != nil && err != io.EOF && !known {
		err = fault.Wrap(fault.Invalid, "mlflow.upload", err, "the upload broke off before its end; nothing was stored, send it again")
	}
	return n, err
}

type capped struct {
	r    io.Reader
	left int
}

func (c *capped) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.left -= n; c.left < 0 {
		return n, fault.Invalidf("Artifact size is too large. Max size is 10MB.")
	}
	return n, err
}

type presignRequest struct {
	RunID   string `json:"run_id"`
	ModelID string `json:"model_id"`
	Path    string `json:"path"`
	Expires *Int   `json:"expiration"`
}

func (h artifacts) presignedUpload(ctx context.Context, r *presignRequest) (any, error) {
	if err := present("path", r.Path); err != nil {
		return nil, err
	}
	if (r.RunID == "") == (r.ModelID == "") {
		return nil, fault.Invalidf("Exactly one of run_id and model_id must be provided.")
	}
	return nil, h.noPresign(ctx, r, "Presigned upload is not supported for proxied artifact storage (artifact URI scheme: %s). This endpoint requires a direct cloud storage artifact URI.")
}

func (h artifacts) presignedDownload(ctx context.Context, r *presignRequest) (any, error) {
	if err := present("run_id", r.RunID, "path", r.Path); err != nil {
		return nil, err
	}
	if r.Expires != nil && (*r.Expires < 1 || *r.Expires > 604800) {
		return nil, fault.Invalidf("expiration must be between 1 and 604800 seconds (got %d).", *r.Expires)
	}
	return nil, h.noPresign(ctx, r, "Presigned download is not supported for runs with proxied artifact storage (artifact URI scheme: %s). This endpoint requires a run with a direct cloud storage artifact URI.")
}

// noPresign checks the request as far as MLflow does before it finds that the
// artifacts are behind the server.
func (h artifacts) noPresign(ctx context.Context, r *presignRequest, message string) error {
	if err := tracking.CheckPath(r.Path); err != nil {
		return err
	}
	uri := ""
	if r.RunID != "" {
		info, err := h.cfg.Tracking.RunInfo(ctx, r.RunID)
		if err != nil {
			return err
		}
		uri = info.ArtifactURI
	} else {
		m, err := h.cfg.Tracking.Model(ctx, r.ModelID, false)
		if err != nil {
			return err
		}
		uri = m.ArtifactLocation
	}
	scheme, _, _ := strings.Cut(uri, ":")
	return fault.Invalidf(message, scheme)
}

// Guard refuses artifact paths that are not plain before next, a ServeMux,
// sends the client to what it takes them for: "../" and "//" in an address
// would reach another file than the one that was meant.
func (s *Server) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := r.URL.Path
		if _, rest, ok := strings.Cut(p, "/mlflow-artifacts/"); ok && rest != "" && path.Clean("/"+rest) != "/"+strings.TrimSuffix(rest, "/") {
			s.fail(w, r, fault.Invalidf("Invalid path"))
			return
		}
		next.ServeHTTP(w, r)
	})
}
