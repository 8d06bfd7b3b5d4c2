// Package tracing_test measures the trace store without a wire: encoded
// requests in, durable spans out, full text behind. Run it with
//
//	go test ./bench/tracing -bench . -benchtime 5s
package tracing_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracing/normalise"
)

// words makes text of which little repeats: n bytes of made-up words from a
// vocabulary of a hundred thousand.
func words(r *rand.Rand, n int) string {
	b := make([]byte, 0, n+16)
	for len(b) < n {
		w := r.IntN(100_000)
		for range 2 + w%3 {
			b = append(b, "bcdfghklmnprstvz"[w%16], "aeiou"[w%5])
			w /= 7
		}
		b = append(b, ' ')
	}
	return string(b[:n])
}

// request encodes spans spans, perTrace to a trace, of about size bytes each.
func request(r *rand.Rand, spans, perTrace, size int) []byte {
	var scope []byte
	now := time.Now().UnixNano()
	var id trace.ID
	for i := range spans {
		s := trace.Span{Name: fmt.Sprintf("step %d", i%perTrace), Kind: 1, Start: now + int64(i)*1000, End: now + int64(i)*1000 + 5e6, Status: trace.OK}
		if i%perTrace == 0 {
			binary.BigEndian.PutUint64(id[:], r.Uint64())
			binary.BigEndian.PutUint64(id[8:], r.Uint64())
		} else {
			binary.BigEndian.PutUint64(s.Parent[:], uint64(i-i%perTrace+1))
		}
		s.TraceID = id
		binary.BigEndian.PutUint64(s.ID[:], uint64(i+1))
		s.Attrs = []trace.Attr{
			{Key: "gen_ai.operation.name", Value: trace.StringValue("chat")},
			{Key: "gen_ai.provider.name", Value: trace.StringValue("openai")},
			{Key: "gen_ai.request.model", Value: trace.StringValue("gpt-4o-mini")},
			{Key: "gen_ai.usage.input_tokens", Value: trace.IntValue(int64(100 + i))},
			{Key: "gen_ai.usage.output_tokens", Value: trace.IntValue(20)},
		}
		text := max(1, size-len(trace.AppendSpan(nil, &s))-30)
		s.Attrs = append(s.Attrs, trace.Attr{Key: "input.value", Value: trace.StringValue(words(r, text))})
		scope = field(scope, 2, trace.AppendSpan(nil, &s))
	}
	resource := trace.AppendAttrs(nil, []trace.Attr{{Key: "service.name", Value: trace.StringValue("bench")}})
	group := field(field(nil, 1, resource), 2, scope)
	return field(nil, 1, group)
}

func field(b []byte, num byte, body []byte) []byte {
	b = append(b, num<<3|2)
	b = binary.AppendUvarint(b, uint64(len(body)))
	return append(b, body...)
}

func open(b *testing.B) (*tracing.Service, *sqlstore.Traces) {
	st, err := sqlstore.OpenTraces(b.Context(), b.TempDir(), slog.New(slog.DiscardHandler), sqlstore.TracesConfig{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { st.Close() })
	return tracing.New(st, slog.New(slog.DiscardHandler), tracing.Config{Normalise: normalise.New().Apply, Version: normalise.Version}), st
}

func BenchmarkIngest(b *testing.B) {
	for _, size := range []int{600, 2048} {
		for _, perTrace := range []int{10, 200} {
			b.Run(fmt.Sprintf("%dB/%dpertrace", size, perTrace), func(b *testing.B) { ingest(b, size, perTrace) })
		}
	}
}

const perRequest = 200

func ingest(b *testing.B, size, perTrace int) {
	service, st := open(b)
	const senders = 4
	var pools [senders][][]byte
	r := rand.New(rand.NewPCG(1, 2))
	for i := range pools {
		for range 64 {
			pools[i] = append(pools[i], request(r, perRequest, perTrace, size))
		}
	}
	var left, sent atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	start := time.Now()
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(7, uint64(i)))
			for n := 0; left.Add(-1) >= 0; n++ {
				body := renew(r, pools[i][n%len(pools[i])])
				req, err := trace.ParseRequest(body)
				if err != nil {
					b.Error(err)
					return
				}
				if _, _, err := service.Ingest(context.Background(), trace.Batch{Spans: req.Spans}); err != nil {
					b.Error(err)
					return
				}
				sent.Add(int64(len(req.Spans)))
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	_, waiting := st.TextLag(context.Background())
	b.ReportMetric(float64(sent.Load())/took.Seconds(), "spans/s")
	b.ReportMetric(float64(sent.Load())*float64(size)/1e6/took.Seconds(), "MB/s")
	for {
		lag, _ := st.TextLag(context.Background())
		if lag == 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	all := time.Since(start)
	b.ReportMetric(float64(waiting)/1e6, "MBwaiting")
	b.ReportMetric(float64(sent.Load())*float64(size)/1e6/all.Seconds(), "textMB/s")
}

// renew gives a request new trace ids, so that its spans are new; its text is
// changed a little too, so that it is not known.
func renew(r *rand.Rand, body []byte) []byte {
	out := append([]byte(nil), body...)
	fresh := map[[16]byte][16]byte{}
	for i := 0; i+18 < len(out); i++ {
		if out[i] != 0x0a || out[i+1] != 16 || out[i+18] != 0x12 {
			continue
		}
		old := [16]byte(out[i+2 : i+18])
		id, ok := fresh[old]
		if !ok {
			binary.BigEndian.PutUint64(id[:], r.Uint64())
			binary.BigEndian.PutUint64(id[8:], r.Uint64())
			fresh[old] = id
		}
		copy(out[i+2:], id[:])
	}
	for i := 0; i+64 < len(out); i++ {
		if string(out[i:i+11]) == "input.value" {
			for j := i + 20; j < i+40; j++ {
				out[j] = "abcdefghijklmnopqrstuvwxyz"[r.IntN(26)]
			}
			i += 40
		}
	}
	return out
}
