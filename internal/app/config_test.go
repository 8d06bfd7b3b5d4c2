package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func env(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
}

func TestLoadTakesTheStrongestSource(t *testing.T) {
	file := filepath.Join(t.TempDir(), "assay.yaml")
	if err := os.WriteFile(file, []byte("addr: file:1\ndata: from-file\nworkers: 3\ndatabase: postgres://u:secret@db/x\nallowed-hosts: [a, b]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load(Sources{File: file, Env: env(map[string]string{"ASSAY_ADDR": "env:2", "ASSAY_DATA": "from-env", "ASSAY_OTLP_GRPC_ADDR": ""}),
		Flags: map[string]string{"addr": "flag:3"}})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Addr != "flag:3" || cfg.Data != "from-env" || cfg.Workers != 3 || cfg.OTLPGRPCAddr != "" || cfg.OTLPHTTPAddr != "127.0.0.1:4318" ||
		!slices.Equal(cfg.AllowedHosts, []string{"a", "b"}) {
		t.Errorf("%+v", cfg)
	}
	sources := map[string]string{}
	for _, s := range cfg.Settings {
		sources[s.Name] = s.Source
		if strings.Contains(s.Value, "secret") {
			t.Errorf("option %s shows a password", s.Name)
		}
	}
	for name, want := range map[string]string{"addr": "flag", "data": "environment", "workers": "file", "otlp-http-addr": "default", "otlp-grpc-addr": "environment"} {
		if sources[name] != want {
			t.Errorf("option %s from %q, want %q", name, sources[name], want)
		}
	}
	if !cfg.fromDefault("otlp-http-addr") || cfg.fromDefault("addr") {
		t.Error("which options were left alone is wrong")
	}
}

func TestEveryOptionHasItsDefault(t *testing.T) {
	cfg, err := Load(Sources{Env: env(nil)})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Addr != "127.0.0.1:5000" || cfg.Data != "./assay-data" || cfg.Workers != 8 || cfg.AllowPrivate {
		t.Errorf("%+v", cfg)
	}
	seen := map[string]bool{}
	for _, o := range Options() {
		if seen[o.Name] || o.Usage == "" {
			t.Errorf("option %q is there twice or says nothing of itself", o.Name)
		}
		seen[o.Name] = true
	}
}

func FuzzParseConfig(f *testing.F) {
	for _, s := range []string{"", "addr: x", "a: [1, true, x]\nb: null", "a: {b: c}", "- 1", "a: &x [*x]", "a: 1e400", "\xff", "a:\n  - b\n  - [c]", "? a\n: b"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		values, err := parseConfig("f.yaml", data)
		if err != nil && values != nil {
			t.Error("values beside an error")
		}
	})
}
