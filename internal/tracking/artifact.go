package tracking

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// Files keeps artifacts under keys that are relative paths. Everything is
// streamed. A missing file is a NotFound fault, a key that is no plain relative
// path an Invalid one.
type Files interface {
	// Put stores what r yields, whole or not at all, durably.
	Put(ctx context.Context, key string, r io.Reader) (int64, error)
	// Open returns length bytes from offset, to the end if length is negative.
	Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)
	Stat(ctx context.Context, key string) (size int64, modified time.Time, err error)
	// List calls fn for at most limit entries of one folder, by name, and
	// returns the token of the rest, "" at the end.
	List(ctx context.Context, prefix, token string, limit int, fn func(name string, dir bool, size int64)) (string, error)
	Delete(ctx context.Context, key string) error
	DeleteAll(ctx context.Context, prefix string) error
	// Compose makes key of the files parts, one after the other.
	Compose(ctx context.Context, key string, parts []string) error
}

// File is one entry of a folder.
type File struct {
	Path string // from the root that was listed
	Dir  bool
	Size int64
}

// ArtifactRoot is the URI of the root of this server's artifacts.
const ArtifactRoot = "mlflow-artifacts:/"

// Artifacts serves the artifacts that this server keeps: those under roots
// with the scheme mlflow-artifacts, or with the address of the artifact proxy.
// Those of a workspace other than the default lie under workspaces/<name>/, and
// nobody reaches those of a workspace that is not the caller's.
type Artifacts struct {
	files  Files
	now    func() time.Time
	secret [32]byte

	// Masking, if set, decides what of files that belong to traces is kept from
	// the disk. Files of runs and models are stored as they are.
	Masking Masking

	// Removed, if set, is told of every deletion a caller asked for.
	Removed func(ctx context.Context, key string) error
}

// NewArtifacts returns the artifacts in files. secret signs the addresses that
// parts of an upload are sent to; one that lasts keeps uploads alive over a
// restart.
func NewArtifacts(files Files, secret [32]byte, now func() time.Time) *Artifacts {
	return &Artifacts{files: files, now: now, secret: secret}
}

func badPath() error { return fault.Invalidf("Invalid path") }

// CheckPath refuses paths that are not plain and relative, however often they
// are decoded: what they pass through may decode them once more.
func CheckPath(p string) error {
	for range 10 {
		if strings.ContainsAny(p, "#\\\x00") || strings.HasPrefix(p, "/") || len(p) >= 2 && p[1] == ':' || strings.HasPrefix(p, "file:") {
			return badPath()
		}
		for s := range strings.SplitSeq(p, "/") {
			if s == ".." {
				return badPath()
			}
		}
		decoded, err := url.PathUnescape(p)
		if err != nil || decoded == p {
			return nil
		}
		p = decoded
	}
	return badPath()
}

// key is where path below root lies. The empty path is the root itself.
func (a *Artifacts) key(ctx context.Context, root, p string) (string, error) {
	if err := CheckPath(p); err != nil {
		return "", err
	}
	base, err := rootKey(root)
	if err != nil {
		return "", err
	}
	key := strings.TrimPrefix(path.Clean("/"+base+"/"+p), "/")
	return scoped(caller.Workspace(ctx), key)
}

// proxyAnchor precedes the path in the address of the artifact proxy.
const proxyAnchor = "/api/2.0/mlflow-artifacts/artifacts/"

// rootKey is the path of an artifact root on this server.
func rootKey(root string) (string, error) {
	u, err := url.Parse(root)
	if err != nil {
		return "", fault.Invalidf("the artifact location is not a URI")
	}
	p := ""
	switch u.Scheme {
	case "mlflow-artifacts":
		p = u.Path + u.Opaque
	case "http", "https":
		_, after, ok := strings.Cut(u.Path, proxyAnchor)
		if !ok {
			return "", elsewhere(u.Scheme)
		}
		p = after
	default:
		return "", elsewhere(u.Scheme)
	}
	p = strings.Trim(p, "/")
	return p, CheckPath(p)
}

func elsewhere(scheme string) error {
	return fault.New(fault.Unsupported, "these artifacts are kept outside of this server (scheme %q); use the client that wrote them", scheme)
}

const workspacePrefix = "workspaces/"

// scoped puts a path into the caller's workspace.
func scoped(workspace, key string) (string, error) {
	name, ok := strings.CutPrefix(key, workspacePrefix)
	name, _, _ = strings.Cut(name, "/")
	if ok || key == strings.TrimSuffix(workspacePrefix, "/") {
		if name == "" {
			return "", fault.Invalidf("Artifact paths prefixed with 'workspaces/' must include a workspace name.")
		}
		if name != workspace {
			return "", fault.Invalidf("Artifact path targets workspace '%s' but the workspace specified in the request is '%s'.", name, workspace)
		}
		return key, nil
	}
	if first, _, _ := strings.Cut(key, "/"); strings.HasPrefix(first, ".assay-") {
		return "", badPath()
	}
	if workspace == caller.DefaultWorkspace {
		return key, nil
	}
	return strings.TrimSuffix(workspacePrefix+workspace+"/"+key, "/"), nil
}

// fileKey is key for something that must be a file.
func (a *Artifacts) fileKey(ctx context.Context, root, p string) (string, error) {
	key, err := a.key(ctx, root, p)
	if err == nil && (key == "" || p == "" || strings.HasSuffix(p, "/")) {
		return "", fault.Invalidf("Artifact path must include a filename (cannot end with '/').")
	}
	return key, err
}

// PutFile stores an artifact, in place of what was there.
func (a *Artifacts) PutFile(ctx context.Context, root, p string, r io.Reader) (int64, error) {
	key, err := a.fileKey(ctx, root, p)
	if err != nil {
		return 0, err
	}
	if r, err = a.masked(ctx, key, r); err != nil {
		return 0, err
	}
	return a.files.Put(ctx, key, r)
}

// StatFile returns size and time of last change of a file.
func (a *Artifacts) StatFile(ctx context.Context, root, p string) (int64, time.Time, error) {
	key, err := a.fileKey(ctx, root, p)
	if err != nil {
		return 0, time.Time{}, err
	}
	size, modified, err := a.files.Stat(ctx, key)
	if fault.Is(err, fault.NotFound) {
		err = fault.NotFoundf("No such artifact: '%s'", p)
		isFolder := false
		if _, e := a.files.List(ctx, key, "", 1, func(string, bool, int64) { isFolder = true }); e == nil && isFolder {
			err = fault.Invalidf("Artifact path refers to a directory, not a file: '%s'", p)
		}
	}
	return size, modified, err
}

// OpenFile returns length bytes of a file from offset, to the end if length is
// negative.
func (a *Artifacts) OpenFile(ctx context.Context, root, p string, offset, length int64) (io.ReadCloser, error) {
	key, err := a.fileKey(ctx, root, p)
	if err != nil {
		return nil, err
	}
	return a.files.Open(ctx, key, offset, length)
}

// ListFiles returns at most limit entries of the folder p below root, by name,
// and the token of the rest.
func (a *Artifacts) ListFiles(ctx context.Context, root, p, token string, limit int) ([]File, string, error) {
	key, err := a.key(ctx, root, p)
	if err != nil {
		return nil, "", err
	}
	p = strings.Trim(path.Clean("/"+p), "/")
	var out []File
	next, err := a.files.List(ctx, key, token, limit, func(name string, dir bool, size int64) {
		if key == "" && strings.HasPrefix(name, ".assay-") {
			return
		}
		out = append(out, File{Path: path.Join(p, name), Dir: dir, Size: size})
	})
	return out, next, err
}

// DeleteFiles removes a file, or a folder with everything in it.
func (a *Artifacts) DeleteFiles(ctx context.Context, root, p string) error {
	key, err := a.key(ctx, root, p)
	if err != nil {
		return err
	}
	if key == "" || strings.HasPrefix(key, workspacePrefix) && strings.Count(key, "/") == 1 {
		return fault.Invalidf("the root of all artifacts cannot be deleted; name a folder or a file in it")
	}
	if err := a.files.DeleteAll(ctx, key); err != nil || a.Removed == nil {
		return err
	}
	return a.Removed(ctx, key)
}

// An upload in parts is known by an id that tells when it began and where it
// goes, so nothing about it needs to be stored but its parts.
const (
	uploadPrefix = ".assay-uploads/"
	uploadLife   = 7 * 24 * time.Hour
	maxParts     = 10000
)

func (a *Artifacts) mac(parts ...string) string {
	h := hmac.New(sha256.New, a.secret[:])
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Upload is one upload in parts.
type Upload struct {
	ID    string
	Parts []string // signature of each part's address
}

// BeginUpload starts an upload of p in parts, which count from 1.
func (a *Artifacts) BeginUpload(ctx context.Context, root, p string, parts int) (*Upload, error) {
	key, err := a.fileKey(ctx, root, p)
	if err != nil {
		return nil, err
	}
	if parts < 1 || parts > maxParts {
		return nil, fault.Invalidf("Invalid value %d for parameter 'num_parts' supplied: an upload has 1 to %d parts", parts, maxParts)
	}
	if err := a.unmasked(ctx, key); err != nil {
		return nil, err
	}
	a.sweep(ctx)
	began := strconv.FormatInt(a.now().Unix(), 16)
	salt := make([]byte, 8)
	rand.Read(salt)
	nonce := hex.EncodeToString(salt)
	u := &Upload{ID: strings.Join([]string{began, nonce, a.mac("upload", began, nonce, key)}, "-")}
	for n := 1; n <= parts; n++ {
		u.Parts = append(u.Parts, a.mac("part", u.ID, strconv.Itoa(n)))
	}
	return u, nil
}

// sweep removes the parts of uploads that were given up. It is an errand:
// failures wait for the next one.
func (a *Artifacts) sweep(ctx context.Context) {
	var old []string
	_, err := a.files.List(ctx, strings.TrimSuffix(uploadPrefix, "/"), "", 100, func(name string, _ bool, _ int64) {
		if began, ok := uploadTime(name); !ok || a.now().Sub(began) > uploadLife {
			old = append(old, name)
		}
	})
	for _, name := range old {
		if err == nil {
			err = a.files.DeleteAll(ctx, uploadPrefix+name)
		}
	}
}

func uploadTime(id string) (time.Time, bool) {
	first, _, _ := strings.Cut(id, "-")
	sec, err := strconv.ParseInt(first, 16, 64)
	return time.Unix(sec, 0), err == nil
}

// PutPart stores a part that signature allows to be stored.
func (a *Artifacts) PutPart(ctx context.Context, uploadID string, n int, signature string, r io.Reader) (int64, error) {
	began, ok := uploadTime(uploadID)
	if !ok || !hmac.Equal([]byte(signature), []byte(a.mac("part", uploadID, strconv.Itoa(n)))) {
		return 0, fault.New(fault.Denied, "the address of this part was not given out by this server")
	}
	if a.now().Sub(began) > uploadLife {
		return 0, fault.New(fault.Denied, "the upload is too old; begin it again")
	}
	return a.files.Put(ctx, partKey(uploadID, n), r)
}

func partKey(uploadID string, n int) string {
	return fmt.Sprintf("%s%s/%06d", uploadPrefix, uploadID, n)
}

// checkUpload makes sure that the id belongs to an upload of key.
func (a *Artifacts) checkUpload(uploadID, key string) error {
	parts := strings.Split(uploadID, "-")
	if len(parts) != 3 || !hmac.Equal([]byte(parts[2]), []byte(a.mac("upload", parts[0], parts[1], key))) {
		return fault.Invalidf("upload_id belongs to no upload of this path")
	}
	return nil
}

// CompleteUpload makes the file of the parts with these numbers, in their
// order.
func (a *Artifacts) CompleteUpload(ctx context.Context, root, p, uploadID string, numbers []int) error {
	key, err := a.fileKey(ctx, root, p)
	if err != nil {
		return err
	}
	if err := a.checkUpload(uploadID, key); err != nil {
		return err
	}
	if len(numbers) == 0 || len(numbers) > maxParts {
		return fault.Invalidf("an upload has 1 to %d parts", maxParts)
	}
	keys := make([]string, len(numbers))
	for i, n := range numbers {
		if n < 1 || n > maxParts || i > 0 && n <= numbers[i-1] {
			return fault.Invalidf("part numbers must rise from 1")
		}
		keys[i] = partKey(uploadID, n)
	}
	err = a.files.Compose(ctx, key, keys)
	if fault.Is(err, fault.NotFound) {
		return fault.Invalidf("a part of the upload has not arrived")
	}
	if err != nil {
		return err
	}
	return a.files.DeleteAll(ctx, uploadPrefix+uploadID)
}

// AbortUpload forgets an upload and its parts.
func (a *Artifacts) AbortUpload(ctx context.Context, root, p, uploadID string) error {
	key, err := a.fileKey(ctx, root, p)
	if err != nil {
		return err
	}
	if err := a.checkUpload(uploadID, key); err != nil {
		return err
	}
	return a.files.DeleteAll(ctx, uploadPrefix+uploadID)
}
