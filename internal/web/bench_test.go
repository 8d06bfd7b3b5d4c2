package web

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/telemetry"
)

// BenchmarkWrapper is what the wrapper adds to a request.
func BenchmarkWrapper(b *testing.B) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /x", func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); w.Write([]byte("{}")) })
	s := NewServer(Config{Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Metrics: telemetry.NewMetrics("b"), Open: func() bool { return true },
		Authenticate: func(*http.Request) (caller.Caller, error) { return caller.Caller{}, nil }}, mux)
	for name, h := range map[string]http.Handler{"bare": mux, "wrapped": s.http.Handler} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("POST", "http://localhost/x", strings.NewReader("body"))
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
