// Package export writes spans in forms that other tools read: Parquet, and
// OTLP as its requests are, in JSON or protobuf. Writers hold a bounded part of
// what passes through them.
package export

import (
	"io"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
)

// Span is a span with what its trace knows of it.
type Span struct {
	*trace.Span
	Experiment string
	Session    string
	User       string
}

// Writer takes spans, those of a trace after one another, in their order.
type Writer interface {
	Write(s Span) error
	// Close writes what is still held; it does not close what is written to.
	Close() error
}

// Format is a form of export.
type Format struct {
	Name        string
	ContentType string
	Extension   string
	New         func(w io.Writer) Writer
}

// Formats are the forms that are offered.
var Formats = []Format{
	{"parquet", "application/vnd.apache.parquet", "parquet", newParquet},
	{"otlp-json", "application/x-ndjson", "jsonl", func(w io.Writer) Writer { return &requests{w: w, encode: appendRequestJSON, tail: "\n"} }},
	{"otlp-proto", "application/x-protobuf", "binpb", func(w io.Writer) Writer { return &requests{w: w, encode: appendRequest, framed: true} }},
}

// FormatOf finds a form by name.
func FormatOf(name string) (Format, error) {
	for _, f := range Formats {
		if f.Name == name {
			return f, nil
		}
	}
	return Format{}, fault.Invalidf("format %q is not one of parquet, otlp-json, otlp-proto", name)
}
