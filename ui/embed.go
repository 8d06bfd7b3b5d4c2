// Package ui carries the built user interface inside the binary.
//
// `make ui` builds it into dist, which git ignores; a checkout that has not
// run it still compiles and serves placeholder, a page that says so.
package ui

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

//go:embed placeholder
var placeholder embed.FS

// FS returns the files to serve under /ui/, index.html at its root. A file
// f under assets/ has a content hash in its name, so it may be cached for
// ever, and comes with f.gz and f.br where these are smaller. index.html must
// not be cached; it is also the answer to every application path (/w/…, /).
func FS() fs.FS {
	if Built() {
		return must(fs.Sub(dist, "dist"))
	}
	return must(fs.Sub(placeholder, "placeholder"))
}

// Built reports whether the binary carries the application rather than the
// placeholder.
func Built() bool {
	_, err := fs.Stat(dist, "dist/index.html")
	return err == nil
}

func must(sub fs.FS, err error) fs.FS {
	if err != nil {
		panic(err) // the names above are constants that the embed directives checked
	}
	return sub
}
