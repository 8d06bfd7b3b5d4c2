package registry

import (
	"context"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/fault"
)

// A version's source is a URI that clients later download from with whatever
// access they have. So that nobody registers a path into another's files, a
// source that this server can reach must lie inside the run or logged model
// that the request names:
//
//   - a local path, or mlflow-artifacts:, inside its artifact root
//   - runs:/<id>/…, of the named run; models:/<m-id>, the named logged model
//   - models:/<name>/<version>, …/<stage>, …@<alias>: the run and logged model
//     of that version are inherited, and may not be contradicted
//   - never a relative path, "..", NUL, or a scheme that names a host
//
// Prompts have no files and carry a placeholder.

var promptSources = []string{"dummy-source", "prompt-template"}

// hostSchemes make a reader connect to the host named in the URI.
var hostSchemes = []string{"ftp", "sftp", "hdfs", "viewfs", "http", "https", "mlflow-artifacts", "r2", "b2", "abfss"}

// originOf is where a version comes from, resolved.
type originOf struct{ source, location, runID, loggedModel string }

func (s *Service) origin(ctx context.Context, n *NewVersion, prompt bool) (originOf, error) {
	o := originOf{source: n.Source, location: n.Source, runID: deref(n.RunID), loggedModel: deref(n.LoggedModel)}
	if prompt {
		if !slices.Contains(promptSources, n.Source) {
			return o, fault.Invalidf("Invalid prompt source: '%s'. Prompt sources must be one of the placeholders %s.", clip(n.Source), strings.Join(promptSources, ", "))
		}
		return o, nil
	}
	u := splitURI(n.Source)
	if slices.Contains(hostSchemes, u.scheme) && (u.scheme != "mlflow-artifacts" || u.host != "") {
		return o, fault.Invalidf("Invalid 'source': the '%s' scheme names a host other than this server's artifact storage", u.scheme)
	}
	if u.scheme == "models" {
		if err := s.inherit(ctx, n, u, &o); err != nil {
			return o, err
		}
	}
	root, parameter := func(ctx context.Context) (string, error) { return s.origins.RunArtifacts(ctx, o.runID) }, "run_id"
	id := o.runID
	if o.loggedModel != "" {
		root = func(ctx context.Context) (string, error) {
			uri, _, err := s.origins.LoggedModel(ctx, o.loggedModel)
			return uri, err
		}
		parameter, id = "model_id", o.loggedModel
	}
	if err := contained(ctx, o, parameter, id, root); err != nil {
		return o, err
	}
	return o, s.locate(ctx, &o)
}

// inherit resolves a source that is a version of a registered model.
func (s *Service) inherit(ctx context.Context, n *NewVersion, u uri, o *originOf) error {
	if u.host != "" {
		return badSource(o.source, "Registered model sources must be of this server")
	}
	ref, err := parseModelURI(u)
	if err != nil {
		return err
	}
	if ref.loggedModel != "" {
		return nil
	}
	m, err := s.Model(ctx, ref.name)
	if err != nil {
		return err
	}
	if m.Prompt {
		return badSource(o.source, "Prompt versions cannot be sources of models")
	}
	from, err := s.resolve(ctx, m, ref)
	if err != nil {
		return err
	}
	if n.RunID != nil && *n.RunID != from.RunID || n.LoggedModel != nil && *n.LoggedModel != from.LoggedModel {
		return badSource(o.source, "The run_id and model_id request parameters must match the referenced model version")
	}
	o.source = "models:/" + from.Name + "/" + itoa(from.Number)
	o.location, o.runID, o.loggedModel = from.Location, from.RunID, from.LoggedModel
	return nil
}

// resolve finds the version a models:/ reference means.
func (s *Service) resolve(ctx context.Context, m *Model, ref modelRef) (*Version, error) {
	switch {
	case ref.alias != "":
		return s.VersionByAlias(ctx, m.Name, ref.alias)
	case ref.number != 0:
		return s.Version(ctx, m.Name, ref.number)
	}
	if ref.stage == "" {
		if v := m.Newest(); v != nil {
			return v, nil
		}
	}
	for _, v := range m.Latest {
		if v.Stage == ref.stage {
			return &v, nil
		}
	}
	return nil, fault.NotFoundf("No version of model '%s' found at '%s'", clip(m.Name), clip(ref.written))
}

// locate fills in the location of a logged model's files, and the run that
// logged it where the request names none.
func (s *Service) locate(ctx context.Context, o *originOf) error {
	if o.loggedModel == "" {
		return nil
	}
	root, runID, err := s.origins.LoggedModel(ctx, o.loggedModel)
	if err != nil {
		return err
	}
	if o.runID == "" {
		o.runID = runID
	}
	if ref, err := parseModelURI(splitURI(o.source)); err == nil && ref.loggedModel != "" {
		o.location = root
	}
	return nil
}

// contained checks that the source lies in the run or logged model with id.
func contained(ctx context.Context, o originOf, parameter, id string, root func(context.Context) (string, error)) error {
	u := splitURI(o.source)
	local := u.scheme == "" || u.scheme == "file"
	if local && u.host != "" && u.host != "localhost" {
		return badSource(o.source, "A local path may not name a host")
	}
	inRoot := func(within func(source, root uri) bool) error {
		outside := badSource(o.source, "The "+parameter+" request parameter must identify the resource that contains the source")
		if id == "" {
			return outside
		}
		uri, err := root(ctx)
		if fault.Is(err, fault.NotFound) {
			return outside
		}
		if err != nil {
			return err
		}
		if !within(u, splitURI(uri)) {
			return outside
		}
		return nil
	}
	if local {
		return inRoot(localWithin)
	}
	if err := absolute(o.source); err != nil {
		return err
	}
	outside := badSource(o.source, "The "+parameter+" request parameter must identify the resource that contains the source")
	switch u.scheme {
	case "runs":
		runID, _, _ := strings.Cut(strings.TrimPrefix(u.path, "/"), "/")
		if u.host != "" || parameter != "run_id" || runID == "" || runID != id {
			return outside
		}
	case "models":
		ref, err := parseModelURI(u)
		if err != nil {
			return err
		}
		if ref.loggedModel != "" && (parameter != "model_id" || ref.loggedModel != id) {
			return outside
		}
	case "mlflow-artifacts":
		return inRoot(remoteWithin)
	}
	return nil
}

// absolute refuses sources that leave the path they seem to name, however
// often they are percent-encoded.
func absolute(written string) error {
	source := written
	for {
		plain := unquote(strings.ReplaceAll(source, "+", " "))
		if plain == source {
			break
		}
		source = plain
	}
	p := strings.TrimRight(splitURI(source).path, "/")
	for strings.Contains(p, "//") {
		p = strings.ReplaceAll(p, "//", "/")
	}
	if strings.ContainsRune(p, 0) || slices.Contains(strings.Split(source, "/"), "..") || !strings.HasPrefix(p, "/") || path.Clean(p) != p {
		return badSource(written, "It must be an absolute path or URI without relative parts")
	}
	return nil
}

func badSource(source, why string) error {
	return fault.Invalidf("Invalid model version source: '%s'. %s.", clip(source), why)
}

// localWithin reports whether the local path source lies in the local root.
func localWithin(source, root uri) bool {
	if root.scheme != "" && root.scheme != "file" || !strings.HasPrefix(source.path, "/") {
		return false
	}
	in, of := path.Clean(source.path), path.Clean(root.path)
	return of != "/" && of != "." && (in == of || strings.HasPrefix(in, of+"/"))
}

// remoteWithin reports whether source lies below root, part by part and
// unquoted.
func remoteWithin(source, root uri) bool {
	in, of := source.parts(), root.parts()
	return source.scheme == root.scheme && source.host == root.host &&
		len(of) > 0 && len(in) >= len(of) && slices.Equal(in[:len(of)], of)
}

// uri is what matters of a URI here. Scheme and host are lower case; path has
// neither query nor fragment. Nothing is unquoted, and nothing is an error.
type uri struct{ scheme, host, path string }

func splitURI(s string) uri {
	var u uri
	if scheme, rest, ok := strings.Cut(s, ":"); ok && isScheme(scheme) {
		u.scheme, s = strings.ToLower(scheme), rest
	}
	if rest, ok := strings.CutPrefix(s, "//"); ok {
		end := strings.IndexAny(rest, "/?#")
		if end < 0 {
			end = len(rest)
		}
		u.host, s = strings.ToLower(rest[:end]), rest[end:]
	}
	if end := strings.IndexAny(s, "?#"); end >= 0 {
		s = s[:end]
	}
	u.path = s
	return u
}

// isScheme reports whether s is a URI scheme. One letter is a Windows drive.
func isScheme(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", r)) {
			return false
		}
	}
	return len(s) > 1
}

func (u uri) parts() []string {
	var out []string
	for p := range strings.SplitSeq(u.path, "/") {
		if p == "" {
			continue
		}
		for {
			plain := unquote(p)
			if plain == p {
				break
			}
			p = plain
		}
		out = append(out, p)
	}
	return out
}

// unquote undoes percent-encoding where it is valid and leaves the rest.
func unquote(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// modelRef is a models:/ URI: a logged model, or a registered model with one
// of number, stage and alias, or none for its newest version.
type modelRef struct {
	loggedModel, name, alias string
	number                   int64
	stage                    Stage
	written                  string
}

func parseModelURI(u uri) (modelRef, error) {
	bad := fault.Invalidf("Not a proper models:/ URI: models:%s. It must be models:/name/version, models:/name/stage, models:/name/latest, models:/name@alias or models:/model_id", clip(u.path))
	p, ok := strings.CutPrefix(u.path, "/")
	if u.scheme != "models" || !ok {
		return modelRef{}, bad
	}
	p = strings.TrimLeft(p, "/")
	name, suffix, two := strings.Cut(p, "/")
	ref := modelRef{name: name, written: suffix}
	if strings.TrimSpace(name) == "" || strings.Contains(suffix, "/") || two && strings.TrimSpace(suffix) == "" {
		return ref, bad
	}
	if !two {
		at := strings.LastIndexByte(name, '@')
		if at < 0 {
			return modelRef{loggedModel: name, written: name}, nil
		}
		ref.name, ref.alias, ref.written = name[:at], name[at+1:], name[at+1:]
		if strings.TrimSpace(ref.alias) == "" {
			return ref, bad
		}
		return ref, nil
	}
	if n, err := strconv.ParseUint(suffix, 10, 63); err == nil {
		if ref.number = int64(n); n == 0 {
			return ref, fault.NotFoundf("Model Version (name=%s, version=0) not found", clip(name))
		}
		return ref, nil
	}
	if strings.EqualFold(suffix, latestAlias) {
		return ref, nil
	}
	stage, err := ParseStage(suffix)
	ref.stage = stage
	return ref, err
}
