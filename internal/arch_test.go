package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/assayhq/assay/"

// kinds of packages, by path below the module. The longest matching prefix
// counts.
var kinds = map[string]string{
	"cmd": "cmd", "internal/app": "app", "ui": "ui", "bench": "bench",

	"internal/tracking": "domain", "internal/tracing": "domain", "internal/registry": "domain",
	"internal/gateway": "domain", "internal/prompting": "domain", "internal/evaluation": "domain",
	"internal/review": "domain", "internal/serving": "domain", "internal/training": "domain",
	"internal/compression": "domain", "internal/account": "domain", "internal/webhook": "domain",
	"internal/view":    "domain",
	"internal/flow":    "flow",
	"internal/alert":   "domain",
	"internal/notice":  "domain",
	"internal/masking": "domain",

	"internal/chat": "leaf", "internal/trace": "leaf", "internal/dataset": "leaf", "internal/model": "leaf",
	"internal/evaltable": "leaf", "internal/score": "leaf", "internal/stats": "leaf", "internal/price": "leaf", "internal/fault": "leaf",
	"internal/page": "leaf", "internal/id": "leaf", "internal/filter": "leaf", "internal/caller": "leaf",
	"internal/mask":   "leaf",
	"internal/secret": "leaf",

	"internal/export": "mechanism", "internal/job": "mechanism", "internal/nn": "mechanism",
	"internal/sqlstore": "adapter", "internal/blob": "adapter", "internal/storetest": "test",
	"internal/wire": "wire", "internal/web": "web", "internal/telemetry": "telemetry",
	"internal/demo": "client",
}

// A rule forbids imports and says why. from and to are a kind or a package
// prefix.
var rules = []struct{ from, to, why string }{
	{"leaf", "domain", "a noun that knows a domain cannot be spoken by another"},
	{"leaf", "adapter", "nouns are data"},
	{"leaf", "wire", "nouns are data"},
	{"domain", "wire", "a domain does not know how it is spoken to"},
	{"domain", "adapter", "a domain declares the store it needs; app passes it in"},
	{"domain", "app", "only cmd imports app"},
	{"domain", "web", "a domain does not know HTTP"},
	{"domain", "flow", "flow is above the domains"},
	{"domain", "net/http", "a domain does not know HTTP"},
	{"domain", "database/sql", "a domain does not know SQL"},
	{"flow", "wire", "flow is below the protocols"},
	{"flow", "adapter", "flow works through the domains"},
	{"flow", "net/http", "flow does not know HTTP"},
	{"flow", "database/sql", "flow does not know SQL"},
	{"wire", "adapter", "a protocol reaches data through a domain"},
	{"wire", "app", "only cmd imports app"},
	{"wire", "database/sql", "a protocol does not know SQL"},
	{"adapter", "wire", "a store does not know who asks"},
	{"adapter", "web", "a store does not know HTTP"},
	{"adapter", "app", "only cmd imports app"},
	{"mechanism", "wire", "a mechanism serves every domain"},
	{"mechanism", "app", "only cmd imports app"},
	{"web", "domain", "middleware takes what it needs as functions"},
	{"web", "adapter", "middleware takes what it needs as functions"},
	{"client", "domain", "the sample is filled through the public protocols, as a user would"},
	{"client", "adapter", "the sample is filled through the public protocols, as a user would"},
}

// onlyImporter names the one package that may import a module, with the reason.
var onlyImporter = []struct{ path, by, why string }{
	{"github.com/riverqueue/river", "internal/job", "one place knows the queue, so that it can be replaced"},
	{"modernc.org/sqlite", "internal/sqlstore", "one place knows the driver"},
	{"github.com/jackc/pgx", "internal/sqlstore internal/job", "one place knows the driver; River's driver takes its connection"},
	{"gocloud.dev", "internal/blob", "one place knows the object stores"},
	{"google.golang.org/grpc", "internal/wire internal/app cmd bench conformance", "gRPC is a wire format"},
}

func kindOf(pkg string) string {
	best := ""
	for prefix := range kinds {
		if (pkg == prefix || strings.HasPrefix(pkg, prefix+"/")) && len(prefix) > len(best) {
			best = prefix
		}
	}
	return kinds[best]
}

func under(pkg, prefix string) bool { return pkg == prefix || strings.HasPrefix(pkg, prefix+"/") }

// TestArchitecture holds the dependency rules of docs/architecture.md.
func TestArchitecture(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata" || name == "conformance") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		files++
		rel, _ := filepath.Rel(root, filepath.Dir(path))
		checkFile(t, filepath.ToSlash(rel), path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Fatalf("only %d Go files seen from %s", files, root)
	}
}

func checkFile(t *testing.T, pkg, path string) {
	kind := kindOf(pkg)
	if kind == "" && pkg != "internal" {
		t.Errorf("%s is of no kind: add it to this test's table", pkg)
	}
	src, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
		return
	}
	f, err := parser.ParseFile(token.NewFileSet(), path, src, parser.ImportsOnly)
	if err != nil {
		return // being edited; the compiler reports it better
	}
	for _, spec := range f.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		checkImport(t, pkg, kind, imported, path)
	}
}

func checkImport(t *testing.T, pkg, kind, imported, path string) {
	if imported == "C" {
		t.Errorf("%s uses cgo: the binary is built without", path)
	}
	local, isLocal := strings.CutPrefix(imported, module)
	target := ""
	if isLocal {
		target = kindOf(local)
	}
	if kind == "leaf" && !isLocal && strings.Contains(strings.SplitN(imported, "/", 2)[0], ".") {
		t.Errorf("%s imports %s: leaf packages use the standard library only", path, imported)
	}
	if kind == "domain" && target == "domain" && firstTwo(pkg) != firstTwo(local) {
		t.Errorf("%s imports %s: a domain that needs another declares a one-method interface", path, imported)
	}
	if kind == "wire" && target == "wire" && firstThree(pkg) != firstThree(local) && local != "internal/wire/awsproto" {
		t.Errorf("%s imports %s: a protocol does not speak another", path, imported)
	}
	if isLocal && local == "internal/app" && kind != "cmd" && kind != "app" && kind != "bench" {
		t.Errorf("%s imports app: only cmd does", path)
	}
	for _, r := range rules {
		if r.from == kind && (r.to == target && isLocal || r.to == imported) {
			t.Errorf("%s imports %s: %s", path, imported, r.why)
		}
	}
	for _, o := range onlyImporter {
		if under(imported, o.path) {
			ok := false
			for _, by := range strings.Fields(o.by) {
				ok = ok || under(pkg, by)
			}
			if !ok {
				t.Errorf("%s imports %s: %s (%s may)", path, imported, o.why, o.by)
			}
		}
	}
}

func firstTwo(pkg string) string   { return firstN(pkg, 2) }
func firstThree(pkg string) string { return firstN(pkg, 3) }

func firstN(pkg string, n int) string {
	parts := strings.Split(pkg, "/")
	return strings.Join(parts[:min(n, len(parts))], "/")
}
