package tracing_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/assayhq/assay/internal/trace"
)

// BenchmarkWideTrace reads a trace of 32,843 spans: its shape, and all of it.
func BenchmarkWideTrace(b *testing.B) {
	service, _ := open(b)
	r := rand.New(rand.NewPCG(1, 2))
	const n = 32_843
	req, err := trace.ParseRequest(request(r, n, n, 600))
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i < n; i += 1000 {
		if _, _, err := service.Ingest(b.Context(), trace.Batch{Spans: req.Spans[i:min(i+1000, n)]}); err != nil {
			b.Fatal(err)
		}
	}
	id := req.Spans[0].TraceID
	b.Run("skeleton", func(b *testing.B) {
		for b.Loop() {
			sk, err := service.Skeleton(context.Background(), id)
			if err != nil || len(sk.IDs) != n {
				b.Fatal(len(sk.IDs), err)
			}
		}
	})
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			got := 0
			for _, err := range service.Spans(context.Background(), id) {
				if err != nil {
					b.Fatal(err)
				}
				got++
			}
			if got != n {
				b.Fatal(got)
			}
		}
	})
}
