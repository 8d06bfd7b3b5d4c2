package ui

import (
	"io/fs"
	"strings"
	"testing"
)

func TestFSHasAnIndexPage(t *testing.T) {
	page, err := fs.ReadFile(FS(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	want := "make ui"
	if Built() {
		want = `src="/ui/assets/`
	}
	if !strings.Contains(string(page), want) {
		t.Errorf("index.html does not contain %q", want)
	}
}

// TestAssetsAreCompressed holds the promise that a browser never downloads
// the plain script where a compressed one exists.
func TestAssetsAreCompressed(t *testing.T) {
	if !Built() {
		t.Skip("the user interface is not built")
	}
	scripts, err := fs.Glob(FS(), "assets/index-*.js")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no entry script: %v", err)
	}
	for _, s := range scripts {
		for _, ext := range []string{".gz", ".br"} {
			if _, err := fs.Stat(FS(), s+ext); err != nil {
				t.Errorf("%s: %v", s+ext, err)
			}
		}
	}
}
