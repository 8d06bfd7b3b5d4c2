// Command sendspans sends one trace through the OpenTelemetry SDK for Go, as an
// instrumented program would, and prints the id of the trace.
//
//	sendspans -protocol grpc|http -endpoint host:port [-gzip] [-spans n] [-service name] [-resource k=v]... [-header k=v]...
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// pairs collects repeated key=value flags.
type pairs map[string]string

func (p pairs) String() string { return fmt.Sprint(map[string]string(p)) }

func (p pairs) Set(s string) error {
	key, value, ok := strings.Cut(s, "=")
	if !ok {
		return fmt.Errorf("%q is not key=value", s)
	}
	p[key] = value
	return nil
}

type options struct {
	protocol, endpoint, service string
	gzip                        bool
	spans                       int
	resource, headers           pairs
}

func main() {
	o := options{resource: pairs{}, headers: pairs{}}
	flag.StringVar(&o.protocol, "protocol", "grpc", "grpc or http")
	flag.StringVar(&o.endpoint, "endpoint", "127.0.0.1:4317", "host:port of the server")
	flag.StringVar(&o.service, "service", "sendspans", "service.name")
	flag.BoolVar(&o.gzip, "gzip", false, "compress requests")
	flag.IntVar(&o.spans, "spans", 10, "spans below the root")
	flag.Var(o.resource, "resource", "further resource attribute, key=value")
	flag.Var(o.headers, "header", "header of each request, key=value")
	flag.Parse()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	id, err := send(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "sendspans:", err)
		os.Exit(1)
	}
	fmt.Println(id)
}

// send returns only once the server has acknowledged every span.
func send(ctx context.Context, o options) (trace.TraceID, error) {
	// The SDK reports failed exports here and nowhere else.
	var failed error
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { failed = errors.Join(failed, err) }))

	exporter, err := newExporter(ctx, o)
	if err != nil {
		return trace.TraceID{}, err
	}
	attributes := []attribute.KeyValue{attribute.String("service.name", o.service)}
	for key, value := range o.resource {
		attributes = append(attributes, attribute.String(key, value))
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter, sdktrace.WithMaxExportBatchSize(64), sdktrace.WithMaxQueueSize(max(2048, o.spans*2))),
		sdktrace.WithResource(resource.NewSchemaless(attributes...)),
	)
	id := work(ctx, provider.Tracer("sendspans"), o.spans)
	if err := provider.Shutdown(ctx); err != nil {
		return id, err
	}
	return id, failed
}

func newExporter(ctx context.Context, o options) (*otlptrace.Exporter, error) {
	switch o.protocol {
	case "grpc":
		with := []otlptracegrpc.Option{
			otlptracegrpc.WithEndpoint(o.endpoint), otlptracegrpc.WithInsecure(), otlptracegrpc.WithHeaders(o.headers),
		}
		if o.gzip {
			with = append(with, otlptracegrpc.WithCompressor("gzip"))
		}
		return otlptracegrpc.New(ctx, with...)
	case "http":
		with := []otlptracehttp.Option{
			otlptracehttp.WithEndpoint(o.endpoint), otlptracehttp.WithInsecure(), otlptracehttp.WithHeaders(o.headers),
		}
		if o.gzip {
			with = append(with, otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
		}
		return otlptracehttp.New(ctx, with...)
	}
	return nil, fmt.Errorf("protocol %q is neither grpc nor http", o.protocol)
}

// work makes a root with n children: model calls with the attributes of the
// GenAI conventions, the last one failed.
func work(ctx context.Context, tracer trace.Tracer, n int) trace.TraceID {
	ctx, root := tracer.Start(ctx, "handle request")
	defer root.End()
	for i := range n {
		_, span := tracer.Start(ctx, fmt.Sprintf("chat %d", i), trace.WithSpanKind(trace.SpanKindClient))
		span.SetAttributes(
			attribute.String("gen_ai.operation.name", "chat"),
			attribute.String("gen_ai.request.model", "scripted-1"),
			attribute.Int("gen_ai.usage.input_tokens", 10),
			attribute.Int("gen_ai.usage.output_tokens", 5),
		)
		if i == n-1 {
			span.RecordError(errors.New("the model is asleep"))
			span.SetStatus(codes.Error, "the model is asleep")
		}
		span.End()
	}
	return root.SpanContext().TraceID()
}
