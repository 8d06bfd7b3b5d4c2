package export

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/parquet-go/parquet-go"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/assayhq/assay/internal/trace"
)

// sample is spans of two traces with a value of every kind.
func sample() []Span {
	src := &trace.Source{Resource: []trace.Attr{{Key: "service.name", Value: trace.StringValue("s")}}, Scope: "scope", Version: "1"}
	var list []Span
	for n := 1; n <= 450; n++ {
		s := &trace.Span{TraceID: trace.ID{byte(1 + n/300)}, ID: trace.SpanID{byte(n), byte(n >> 8), 1}, Name: "step \"ü\"", Kind: 3, Start: 1_700_000_000_123_456_789, End: 1_700_000_001_000_000_001,
			Status: trace.Error, StatusMessage: "no", State: "a=b", Flags: 0x101, Dropped: trace.Dropped{Attrs: 1, Events: 2, Links: 3}, Source: src,
			Attrs: []trace.Attr{{Key: "s", Value: trace.StringValue("x\n")}, {Key: "i", Value: trace.IntValue(math.MinInt64)}, {Key: "f", Value: trace.FloatValue(0.1)},
				{Key: "nan", Value: trace.FloatValue(math.NaN())}, {Key: "b", Value: trace.BoolValue(true)}, {Key: "bytes", Value: trace.Value{Kind: trace.Bytes, Str: "\x00\xff"}},
				{Key: "l", Value: trace.Value{Kind: trace.List, List: []trace.Value{trace.IntValue(0), {}}}}, {Key: "m", Value: trace.Value{Kind: trace.Map, Map: []trace.Attr{{Key: "k", Value: trace.StringValue("")}}}}, {Key: "null"}},
			Events: []trace.Event{{Time: 5, Name: "e", Attrs: []trace.Attr{{Key: "a", Value: trace.IntValue(1)}}, Dropped: 4}},
			Links:  []trace.Link{{TraceID: trace.ID{9}, SpanID: trace.SpanID{8}, State: "c=d", Flags: 1, Dropped: 2}}, Columns: trace.Columns{Tokens: trace.NoTokens, Cost: trace.NoCost, Model: "m"}}
		if n%2 == 0 {
			s.End, s.Status, s.StatusMessage, s.Columns.Tokens.Input, s.Columns.Cost.Total = 0, trace.Unset, "", 0, 2e12
		}
		s.Raw = trace.AppendSpan(nil, s)
		list = append(list, Span{s, "7", "chat", ""})
	}
	return list
}

func write(t *testing.T, format string, spans []Span) []byte {
	t.Helper()
	f, err := FormatOf(format)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := f.New(&b)
	for _, s := range spans {
		if err := w.Write(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// same reports whether spans came back as they were.
func same(t *testing.T, got []trace.Span, want []Span) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d spans came back, not %d", len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(trace.AppendSpan(nil, &got[i]), want[i].Raw) {
			t.Fatalf("span %d came back as another:\n%+v\n%+v", i, got[i], want[i].Span)
		}
		if got[i].Source == nil || got[i].Source.Scope != "scope" || len(got[i].Source.Resource) != 1 {
			t.Fatalf("span %d lost its source", i)
		}
	}
}

func TestProtobufComesBack(t *testing.T) {
	want := sample()
	b := write(t, "otlp-proto", want)
	var got []trace.Span
	for len(b) > 0 {
		n, w := binary.Uvarint(b)
		var req collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(b[w:w+int(n)], &req); err != nil {
			t.Fatal(err)
		}
		parsed, err := trace.ParseRequest(b[w : w+int(n)])
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, parsed.Spans...)
		b = b[w+int(n):]
	}
	same(t, got, want)
}

func TestJSONComesBack(t *testing.T) {
	want := sample()
	var got []trace.Span
	for line := range bytes.Lines(write(t, "otlp-json", want)) {
		parsed, err := trace.ParseRequestJSON(bytes.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, parsed.Spans...)
	}
	same(t, got, want)
}

func TestParquetReads(t *testing.T) {
	want := sample()
	path := filepath.Join(t.TempDir(), "spans.parquet")
	if err := os.WriteFile(path, write(t, "parquet", want), 0o600); err != nil {
		t.Fatal(err)
	}
	rows, err := parquet.ReadFile[row](path)
	if err != nil || len(rows) != len(want) {
		t.Fatal(len(rows), err)
	}
	for i, r := range rows {
		open := (i+1)%2 == 0
		if r.TraceID != want[i].TraceID.String() || r.Start != want[i].Start || (r.End == nil) != open || r.Name != want[i].Name ||
			open && (*r.TokensIn != 0 || *r.CostUSD != 2) || !open && (r.TokensIn != nil || r.CostUSD != nil) || r.User != nil || *r.Session != "chat" {
			t.Fatalf("row %d: %+v", i, r)
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	if _, err := FormatOf("csv"); err == nil {
		t.Error("csv was taken")
	}
}
