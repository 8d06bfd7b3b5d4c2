package web

import (
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// minCompressed is the size in bytes from which packing pays for its header.
const minCompressed = 1024

var gzipPool = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	return z
}}

// gzipWriter packs JSON answers. It decides at the first write, by content
// type and size; everything else passes through untouched.
type gzipWriter struct {
	http.ResponseWriter
	z       *gzip.Writer
	status  int
	decided bool
}

func (g *gzipWriter) Unwrap() http.ResponseWriter { return g.ResponseWriter }

func (g *gzipWriter) WriteHeader(status int) {
	if status < 200 {
		g.ResponseWriter.WriteHeader(status)
		return
	}
	if g.status == 0 {
		g.status = status
	}
}

func (g *gzipWriter) decide(first int) {
	g.decided = true
	if g.status == 0 {
		g.status = http.StatusOK
	}
	h := g.Header()
	if strings.HasPrefix(h.Get("Content-Type"), "application/json") {
		h.Add("Vary", "Accept-Encoding")
		if first >= minCompressed && h.Get("Content-Encoding") == "" && h.Get("Content-Range") == "" && g.status == http.StatusOK {
			h.Set("Content-Encoding", "gzip")
			h.Del("Content-Length")
			g.z = gzipPool.Get().(*gzip.Writer)
			g.z.Reset(g.ResponseWriter)
		}
	}
	g.ResponseWriter.WriteHeader(g.status)
}

func (g *gzipWriter) Write(p []byte) (int, error) {
	if !g.decided {
		g.decide(len(p))
	}
	if g.z != nil {
		return g.z.Write(p)
	}
	return g.ResponseWriter.Write(p)
}

// FlushError passes on what is packed so far; streams of events use it.
func (g *gzipWriter) FlushError() error {
	if !g.decided {
		g.decide(0)
	}
	if g.z != nil {
		if err := g.z.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(g.ResponseWriter).Flush()
}

// Close ends the packed stream, and sends a header that no write has sent.
func (g *gzipWriter) Close() error {
	if !g.decided && g.status != 0 {
		g.decide(0)
	}
	if g.z == nil {
		return nil
	}
	err := g.z.Close()
	g.z.Reset(nil)
	gzipPool.Put(g.z)
	g.z = nil
	return err
}
