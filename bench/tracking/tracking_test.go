package main

import (
	"bytes"
	"io"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// The load is only as good as its requests: every span complete, in the right
// trace, and no text sent twice.
func TestRequest(t *testing.T) {
	w := newSpanWriter(newProse(), 1)
	seen := map[string]bool{}
	for range 3 {
		body, ids, numbers := w.request(requestSpans, 10, 600)
		var req collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &req); err != nil {
			t.Fatal(err)
		}
		if len(ids) != requestSpans/10 || len(numbers) != len(ids) {
			t.Fatalf("%d traces with %d numbers", len(ids), len(numbers))
		}
		spans := req.ResourceSpans[0].ScopeSpans[0].Spans
		if len(spans) != requestSpans {
			t.Fatalf("%d spans", len(spans))
		}
		for i, s := range spans {
			if !bytes.Equal(s.TraceId, ids[i/10][:]) {
				t.Fatalf("span %d is in another trace", i)
			}
			if root := i%10 == 0; root != (len(s.ParentSpanId) == 0) {
				t.Fatalf("span %d: root is %t", i, root)
			}
			text := ""
			for _, a := range s.Attributes {
				if a.Key == "input.value" || a.Key == "output.value" {
					text += a.Value.GetStringValue()
				}
			}
			if len(text) != 600 || seen[text] {
				t.Fatalf("span %d has %d bytes of text, sent before: %t", i, len(text), seen[text])
			}
			seen[text] = true
		}
	}
}

func TestQuantile(t *testing.T) {
	var ds []time.Duration
	for i := 100; i > 0; i-- {
		ds = append(ds, time.Duration(i)*time.Millisecond)
	}
	for q, want := range map[float64]float64{0: 1, .5: 50, .95: 95, .951: 96, 1: 100} {
		if got := quantile(ds, q); got != want {
			t.Errorf("quantile %g = %g, want %g", q, got, want)
		}
	}
	if got := quantile(nil, .5); got != 0 {
		t.Errorf("quantile of nothing = %g", got)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.123: "0.12", 5: "5", 9.876: "9.88", 12.34: "12.3", 300: "300", 1234.5: "1,235", 1234567: "1,234,567", -1234: "-1,234",
	} {
		if got := number(v); got != want {
			t.Errorf("number(%g) = %q, want %q", v, got, want)
		}
	}
}

// A row meets its bar only if it meets all of them, and a ratio says how many
// times better, whichever way the figure goes.
func TestRow(t *testing.T) {
	r := &report{}
	slow := r.higher("g", "rate", "/s").assay(3000).mlflow(200).atLeast(2500).ratioAtLeast(20)
	if *slow.Ratio != 15 || *slow.Met {
		t.Errorf("ratio %g, met %t", *slow.Ratio, *slow.Met)
	}
	fast := r.lower("g", "wait", "ms").assay(5).mlflow(100).atMost(10)
	if *fast.Ratio != 20 || !*fast.Met {
		t.Errorf("ratio %g, met %t", *fast.Ratio, *fast.Met)
	}
}

func TestStream(t *testing.T) {
	sums := map[uint32]bool{}
	for range 2 {
		s := newStream(5 << 20)
		n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, s, make([]byte, 32<<10))
		if err != nil || n != 5<<20 {
			t.Fatalf("%d bytes, %v", n, err)
		}
		sums[s.sum.Sum32()] = true
	}
	if len(sums) != 1 {
		t.Error("two streams of the same size differ")
	}
}
