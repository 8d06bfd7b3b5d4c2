package mlflow

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/flow"
	"github.com/assayhq/assay/internal/tracking"
)

// Files reads the directory in which an MLflow client keeps experiments when it
// has no server: a folder per experiment with a meta.yaml, in it a folder per
// run, models and traces, and the registry in models/. Everything is read
// through one root, so that no link leads out of it; every file is bounded, and
// what is malformed is an error about that one thing.
type Files struct {
	root *os.Root
	dir  string

	mu    sync.Mutex
	where map[string]string // folder of each run, logged model and trace seen
}

var _ flow.Source = (*Files)(nil)

// Limits of what a directory may hold.
const (
	maxMeta    = 20 << 20 // bytes of a meta.yaml: schemas and profiles are in some
	maxKeyFile = 1 << 20  // bytes of one param or tag
	maxCurve   = 1 << 30  // bytes of one metric
	maxKeys    = 100_000  // params, tags or metrics of one thing
	trash      = ".trash"
)

// OpenFiles reads dir, or the folder mlruns in it.
func OpenFiles(dir string) (*Files, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "mlflow.OpenFiles", err, "the server cannot read the directory %s on its machine; name a directory there, or start `mlflow server` where it is and import its URL", clip(dir))
	}
	f := &Files{root: root, dir: dir, where: map[string]string{}}
	if f.isStore() {
		return f, nil
	}
	if info, err := root.Stat("mlruns"); err == nil && info.IsDir() {
		inner, err := root.OpenRoot("mlruns")
		root.Close()
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, "mlflow.OpenFiles", err, "the server cannot read %s/mlruns", clip(dir))
		}
		f.root, f.dir = inner, path.Join(dir, "mlruns")
		if f.isStore() {
			return f, nil
		}
	}
	defer f.root.Close()
	if databases, _ := fs.Glob(root.FS(), "*.db"); len(databases) > 0 {
		return nil, fault.New(fault.Unsupported, "%s holds the database %s, which MLflow reads itself: start `mlflow server --backend-store-uri sqlite:///%s` and import its URL",
			clip(dir), databases[0], path.Join(dir, databases[0]))
	}
	return nil, fault.Invalidf("%s is no MLflow directory: no folder in it has the meta.yaml of an experiment", clip(dir))
}

// isStore reports whether a folder of the root is an experiment.
func (f *Files) isStore() bool {
	list, err := f.folders(".")
	return err == nil && slices.ContainsFunc(list, func(name string) bool {
		var e experimentMeta
		return f.meta(name, &e) == nil && e.ID != ""
	})
}

// Close implements [flow.Source].
func (f *Files) Close() error { return f.root.Close() }

// Describe implements [flow.Source].
func (f *Files) Describe(context.Context) (flow.SourceInfo, error) {
	if !f.isStore() {
		return flow.SourceInfo{}, fault.Invalidf("%s is no MLflow directory any more", clip(f.dir))
	}
	return flow.SourceInfo{Version: "directory"}, nil
}

// folders lists the folders in one, by name; a missing one has none.
func (f *Files) folders(dir string) ([]string, error) {
	return f.entries(dir, true)
}

func (f *Files) entries(dir string, folders bool) ([]string, error) {
	list, err := fs.ReadDir(f.root.FS(), dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, f.unreadable(dir, err)
	}
	var names []string
	for _, e := range list {
		if e.IsDir() == folders {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (f *Files) unreadable(name string, err error) error {
	return fault.Wrap(fault.Invalid, "mlflow.Files", err, "%s cannot be read", clip(path.Join(f.dir, name)))
}

// read returns a whole file of at most limit bytes; a missing one is NotFound.
func (f *Files) read(name string, limit int64) ([]byte, error) {
	file, err := f.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.NotFoundf("%s does not exist", clip(path.Join(f.dir, name)))
	}
	if err != nil {
		return nil, f.unreadable(name, err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, f.unreadable(name, err)
	}
	if int64(len(data)) > limit {
		return nil, fault.New(fault.TooLarge, "%s is over %d MiB", clip(path.Join(f.dir, name)), limit>>20)
	}
	return data, nil
}

// meta reads the meta.yaml of a folder.
func (f *Files) meta(dir string, v any) error { return f.yaml(path.Join(dir, "meta.yaml"), v) }

func (f *Files) yaml(name string, v any) error {
	data, err := f.read(name, maxMeta)
	if err != nil {
		return err
	}
	if err := parseMeta(data, v); err != nil {
		return fault.Invalidf("%s: %s", clip(path.Join(f.dir, name)), fault.Message(err))
	}
	return nil
}

// parseMeta reads the YAML of a file that is not ours.
func parseMeta(data []byte, v any) (err error) {
	defer func() {
		if p := recover(); p != nil { // a parser of others, over bytes of others
			err = fault.Invalidf("it is not valid YAML")
		}
	}()
	if err := yaml.Unmarshal(data, v); err != nil {
		return fault.Wrap(fault.Invalid, "mlflow.parseMeta", err, "it is not valid YAML")
	}
	return nil
}

// keyed reads a folder of one file per key, in folders where a key has
// slashes.
func (f *Files) keyed(dir string, fn func(key string, file string) error) error {
	n := 0
	err := fs.WalkDir(f.root.FS(), dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return nil
		}
		if n++; n > maxKeys {
			return fault.New(fault.TooLarge, "%s has more than %d files", clip(dir), maxKeys)
		}
		return fn(strings.TrimPrefix(name, dir+"/"), name)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); err != nil && !ok {
		return f.unreadable(dir, err)
	}
	return err
}

// texts reads a folder of keys whose values are texts.
func (f *Files) texts(dir string) ([]keyValue, error) {
	var list []keyValue
	err := f.keyed(dir, func(key, file string) error {
		data, err := f.read(file, maxKeyFile)
		list = append(list, keyValue{key, strings.ToValidUTF8(string(data), "\uFFFD")})
		return err
	})
	return list, err
}

// pageOf cuts a page from names, which are sorted; the token is the last name
// of the page before.
func pageOf(names []string, token string, size int) (page []string, next string) {
	at, found := slices.BinarySearch(names, token)
	if found {
		at++
	}
	rest := names[at:]
	if len(rest) <= size {
		return rest, ""
	}
	return rest[:size], rest[size-1]
}

func (f *Files) remember(id, dir string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.where[id] = dir
}

func (f *Files) folderOf(id string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, ok := f.where[id]
	if !ok {
		return "", fault.NotFoundf("%s is not in %s", clip(id), clip(f.dir))
	}
	return dir, nil
}

type experimentMeta struct {
	ID        string `yaml:"experiment_id"`
	Name      string `yaml:"name"`
	Artifacts string `yaml:"artifact_location"`
	Stage     string `yaml:"lifecycle_stage"`
	Created   int64  `yaml:"creation_time"`
	Updated   int64  `yaml:"last_update_time"`
}

// experimentDirs are the folders of experiments, those in the trash included.
func (f *Files) experimentDirs() ([]string, error) {
	alive, err := f.folders(".")
	if err != nil {
		return nil, err
	}
	dead, err := f.folders(trash)
	if err != nil {
		return nil, err
	}
	alive = slices.DeleteFunc(alive, func(name string) bool { return strings.HasPrefix(name, ".") || name == "models" })
	for _, name := range dead {
		alive = append(alive, trash+"/"+name)
	}
	return alive, nil
}

// Experiments implements [flow.Source].
func (f *Files) Experiments(_ context.Context, _ string) ([]tracking.Experiment, string, error) {
	dirs, err := f.experimentDirs()
	if err != nil {
		return nil, "", err
	}
	var list []tracking.Experiment
	for _, dir := range dirs {
		var m experimentMeta
		if err := f.meta(dir, &m); fault.Is(err, fault.NotFound) || err == nil && m.ID == "" {
			continue // no experiment
		} else if err != nil {
			return nil, "", err
		}
		id, err := tracking.ParseExperimentID(m.ID)
		if err != nil {
			return nil, "", err
		}
		tags, err := f.texts(dir + "/tags")
		if err != nil {
			return nil, "", err
		}
		f.remember("experiment "+experimentID(id), dir)
		list = append(list, tracking.Experiment{ID: id, Name: m.Name, ArtifactLocation: m.Artifacts, Stage: stageOf(m.Stage),
			CreatedAt: m.Created, UpdatedAt: max(m.Updated, m.Created), Tags: toTags(tags)})
	}
	return list, "", nil
}

func (f *Files) experimentDir(id int64) (string, error) {
	return f.folderOf("experiment " + experimentID(id))
}

// Datasets, Records and Scorers implement [flow.Source]: a directory has none.
func (f *Files) Datasets(context.Context, string) ([]evaluation.Dataset, string, error) {
	return nil, "", nil
}

// Records implements [flow.Source].
func (f *Files) Records(context.Context, string, string) ([]evaluation.Record, string, error) {
	return nil, "", nil
}

// Scorers implements [flow.Source].
func (f *Files) Scorers(context.Context, int64) ([]evaluation.Scorer, error) { return nil, nil }

// Files implements [flow.Source]: the files beside the meta.yaml of a thing.
func (f *Files) Files(_ context.Context, root flow.FileRoot, fn func(tracking.File) error) error {
	dir, err := f.folderOf(cmp.Or(root.Run, root.Model, root.Trace))
	if err != nil {
		return err
	}
	if scheme, _, ok := strings.Cut(root.URI, "://"); ok && scheme != "file" {
		return tooFar(root.URI)
	}
	dir += "/artifacts"
	return f.keyed(dir, func(key, file string) error {
		if root.Trace != "" && key == "traces.json" {
			return nil // its spans are what it holds
		}
		info, err := f.root.Stat(file)
		if err != nil {
			return f.unreadable(file, err)
		}
		if !info.Mode().IsRegular() {
			return nil
		}
		return fn(tracking.File{Path: key, Size: info.Size()})
	})
}

// Open implements [flow.Source].
func (f *Files) Open(_ context.Context, root flow.FileRoot, p string) (io.ReadCloser, int64, error) {
	dir, err := f.folderOf(cmp.Or(root.Run, root.Model, root.Trace))
	if err != nil {
		return nil, 0, err
	}
	name := path.Join(dir, "artifacts", p)
	file, err := f.root.Open(name)
	if err != nil {
		return nil, 0, f.unreadable(name, err)
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, 0, f.unreadable(name, err)
	}
	return file, info.Size(), nil
}
