package registry

import (
	"context"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/fault"
)

// files knows one run and one logged model of it.
type files struct{}

const (
	aRun   = "0123456789abcdef0123456789abcdef"
	aModel = "m-0123456789abcdef0123456789abcdef"
)

func (files) RunArtifacts(_ context.Context, id string) (string, error) {
	switch id {
	case aRun:
		return "mlflow-artifacts:/0/" + aRun + "/artifacts", nil
	case "local":
		return "file:///data/local/artifacts", nil
	}
	return "", fault.NotFoundf("no run")
}

func (files) LoggedModel(_ context.Context, id string) (string, string, error) {
	if id != aModel {
		return "", "", fault.NotFoundf("no logged model")
	}
	return "mlflow-artifacts:/0/models/" + aModel + "/artifacts", aRun, nil
}

func (files) LinkVersion(context.Context, string, string, int64) error { return nil }

func TestSourcesLieInWhatTheRequestNames(t *testing.T) {
	s := New(nil, Config{Origins: files{}})
	root := "mlflow-artifacts:/0/" + aRun + "/artifacts"
	for _, c := range []struct {
		source, run, model string
		ok                 bool
	}{
		{"s3://bucket/model", "", "", true},
		{"s3://bucket/a+b%20c", "", "", true},
		{"dbfs:/models/x", "", "", true},
		{"s3://bucket", "", "", false},
		{"s3://bucket/a/../b", "", "", false},
		{"s3://bucket/a/%2e%2e/b", "", "", false},
		{"s3://bucket/a/%252e%252e/b", "", "", false},
		{"s3://bucket/a/./b", "", "", false},
		{"s3://bucket/a%00", "", "", false},
		{"s3:relative", "", "", false},
		{"http://host/x", "", "", false},
		{"HTTPS://host/x", "", "", false},
		{"ftp:///x", "", "", false},
		{"mlflow-artifacts://host/0/x", aRun, "", false},
		{root + "/model", aRun, "", true},
		{root, aRun, "", true},
		{root + "x/model", aRun, "", false},
		{root + "/model", "", "", false},
		{root + "/model", "none", "", false},
		{root + "/../../1/artifacts", aRun, "", false},
		{"mlflow-artifacts:/0/%2e%2e/x", aRun, "", false},
		{"mlflow-artifacts:/1/" + aRun + "/artifacts", aRun, "", false},
		{"mlflow-artifacts:/0/models/" + aModel + "/artifacts", "", aModel, true},
		{"mlflow-artifacts:/0/models/" + aModel + "/artifacts", aRun, "", false},
		{"runs:/" + aRun + "/model", aRun, "", true},
		{"runs:/" + aRun + "/model", "", "", false},
		{"runs:/other/model", aRun, "", false},
		{"runs://host/" + aRun + "/model", aRun, "", false},
		{"runs:/" + aRun + "/model", "", aModel, false},
		{"models:/" + aModel, "", aModel, true},
		{"models:/" + aModel, "", "", false},
		{"models:/m-other", "", aModel, false},
		{"models://host/" + aModel, "", aModel, false},
		{"/etc/passwd", "", "", false},
		{"/etc/passwd", "local", "", false},
		{"/data/local/artifacts/model", "local", "", true},
		{"file:///data/local/artifacts/model", "local", "", true},
		{"/data/local/artifacts/../../other", "local", "", false},
		{"/data/local/artifactsx", "local", "", false},
		{"file://other/data/local/artifacts/model", "local", "", false},
		{"//other/data/local/artifacts/model", "local", "", false},
		{"relative/path", "local", "", false},
		{"/data/local/artifacts", aRun, "", false},
	} {
		n := NewVersion{Name: "m", Source: c.source, RunID: &c.run, LoggedModel: &c.model}
		_, err := s.origin(t.Context(), &n, false)
		if (err == nil) != c.ok {
			t.Errorf("%s with run %q and model %q: %v; want accepted %v", c.source, c.run, c.model, err, c.ok)
		}
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v is no Invalid fault", c.source, err)
		}
	}
}

func TestALoggedModelSuppliesRunAndPlace(t *testing.T) {
	s := New(nil, Config{Origins: files{}})
	model := aModel
	o, err := s.origin(t.Context(), &NewVersion{Name: "m", Source: "models:/" + aModel, LoggedModel: &model}, false)
	if err != nil || o.runID != aRun || o.location != "mlflow-artifacts:/0/models/"+aModel+"/artifacts" || o.source != "models:/"+aModel {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestModelURIs(t *testing.T) {
	for uri, want := range map[string]modelRef{
		"models:/m-1":          {loggedModel: "m-1", written: "m-1"},
		"models:/a/3":          {name: "a", number: 3, written: "3"},
		"models:/a/Latest":     {name: "a", written: "Latest"},
		"models:/a/production": {name: "a", stage: StageProduction, written: "production"},
		"models:/a@best":       {name: "a", alias: "best", written: "best"},
		"models:/a@b@c":        {name: "a@b", alias: "c", written: "c"},
	} {
		if got, err := parseModelURI(splitURI(uri)); err != nil || got != want {
			t.Errorf("%s is %+v, %v; want %+v", uri, got, err, want)
		}
	}
	for _, uri := range []string{"models:", "models:/", "models:a", "models:/a/", "models:/a/b/c", "models:/a@", "models:/a/nostage", "runs:/a/1", "models:/ /1"} {
		if got, err := parseModelURI(splitURI(uri)); err == nil {
			t.Errorf("%s is %+v; want an error", uri, got)
		}
	}
}

func TestPlacesOfPromptsAreThePlaceholders(t *testing.T) {
	s := New(nil, Config{})
	for source, ok := range map[string]bool{"dummy-source": true, "prompt-template": true, "s3://b/x": false, "/etc": false} {
		_, err := s.origin(t.Context(), &NewVersion{Name: "p", Source: source}, true)
		if (err == nil) != ok {
			t.Errorf("%s: %v; want accepted %v", source, err, ok)
		}
	}
}

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"m": true, "a b": true, "ünï-cødé 模型": true, "a.b": true, "@x": true, `q"'`: true,
		"": false, " ": false, "a/b": false, "a:b": false, ".": false, "..": false, "..a": false, "a\x00": false, "\xff": false,
		strings.Repeat("é", 500): true, strings.Repeat("é", 501): false,
	} {
		if err := checkName(name); (err == nil) != ok {
			t.Errorf("name %q: %v; want accepted %v", name, err, ok)
		}
	}
	for alias, ok := range map[string]bool{
		"best": true, "a-b_c9": true, "v": true, "v1x": true, "Élan": true,
		"": false, "latest": false, "LATEST": false, "v1": false, "V22": false, "a b": false, "a.b": false, strings.Repeat("a", 256): false,
	} {
		if err := checkNewAlias(alias); (err == nil) != ok {
			t.Errorf("alias %q: %v; want accepted %v", alias, err, ok)
		}
	}
	for key, ok := range map[string]bool{
		"k": true, "a/b.c-d e:f": true, "mlflow.prompt.text": true, "": false, "a/../b": false, "/a": false, "a//b": false, "a\nb": false, "a=b": false,
	} {
		if err := checkTagKey(key); (err == nil) != ok {
			t.Errorf("tag key %q: %v; want accepted %v", key, err, ok)
		}
	}
}

// FuzzSource: no source is accepted that leaves the run it names, and none
// hangs or panics.
func FuzzSource(f *testing.F) {
	for _, seed := range []string{
		"s3://b/x", "mlflow-artifacts:/0/" + aRun + "/artifacts/model", "runs:/" + aRun + "/x", "models:/a/1", "models:/" + aModel,
		"/data/local/artifacts/x", "file:///x", "%2e%2e/x", "a%%2", "models:/a@b", "::", "//h/p", "C:\\x", "mlflow-artifacts:/%30/" + aRun + "/artifacts",
	} {
		f.Add(seed)
	}
	s := New(nil, Config{Origins: files{}})
	run, none := aRun, ""
	f.Fuzz(func(t *testing.T, source string) {
		u := splitURI(source)
		ref, refErr := parseModelURI(u)
		if u.scheme == "models" && refErr == nil && ref.loggedModel == "" {
			return // needs a store
		}
		n := NewVersion{Name: "m", Source: source, RunID: &run, LoggedModel: &none}
		if n.check() != nil {
			return
		}
		if _, err := s.origin(t.Context(), &n, false); err != nil {
			return
		}
		switch u.scheme {
		case "", "file":
			t.Errorf("local source %q accepted for a run that is not local", source)
		case "mlflow-artifacts":
			if parts := u.parts(); len(parts) < 3 || parts[0] != "0" || parts[1] != aRun {
				t.Errorf("%q accepted outside its run", source)
			}
		case "http", "https", "ftp":
			t.Errorf("%q names a host", source)
		}
		if strings.Contains(source, "/../") || strings.HasSuffix(source, "/..") {
			t.Errorf("%q accepted with a way up", source)
		}
	})
}
