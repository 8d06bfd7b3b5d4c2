package otlp

import (
	"context"
	"strings"
	"testing"
	"time"

	logscollector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	metricscollector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
)

// dial starts the gRPC listener of s and connects a stock client to it.
func dial(t *testing.T, s *Server) *grpc.ClientConn {
	t.Helper()
	g := s.GRPC("127.0.0.1:0")
	if err := g.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(g.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := g.Stop(ctx); err != nil {
			t.Error(err)
		}
		if err := g.Stop(ctx); err != nil {
			t.Errorf("stopped twice: %v", err)
		}
	})
	return conn
}

func grpcRequest(name string) *collector.ExportTraceServiceRequest {
	return &collector.ExportTraceServiceRequest{ResourceSpans: []*tracev1.ResourceSpans{{
		Resource: &resource.Resource{Attributes: []*common.KeyValue{{Key: "service.name", Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: "svc"}}}}},
		ScopeSpans: []*tracev1.ScopeSpans{{Spans: []*tracev1.Span{{
			TraceId: []byte("0123456789abcdef"), SpanId: []byte("01234567"), Name: name,
		}}}},
	}}}
}

func TestGRPC(t *testing.T) {
	k := &keeper{}
	type who struct{}
	s := newServer(t, k, Config{
		Authenticate: func(ctx context.Context, c Credentials) (context.Context, error) {
			if c.Authorization != "Bearer t" {
				return nil, fault.New(fault.Unauthenticated, "credentials are needed")
			}
			if !strings.HasPrefix(c.Address, "127.0.0.1:") || c.Workspace != "w" {
				t.Errorf("got %+v", c)
			}
			return context.WithValue(ctx, who{}, true), nil
		},
	})
	client := collector.NewTraceServiceClient(dial(t, s))
	if _, err := client.Export(t.Context(), grpcRequest("a")); status.Code(err) != codes.Unauthenticated {
		t.Fatalf("without credentials: %v", err)
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer t", "x-mlflow-workspace", "w")
	for _, opts := range [][]grpc.CallOption{nil, {grpc.UseCompressor(gzip.Name)}} {
		resp, err := client.Export(ctx, grpcRequest("a"), opts...)
		if err != nil || resp.PartialSuccess != nil {
			t.Fatalf("%v, %v", resp, err)
		}
	}
	if len(k.batches) != 2 || k.batches[0].ExperimentName != "svc" || k.batches[1].Spans[0].Name != "a" {
		t.Fatalf("got %+v", k.batches)
	}
	with := metadata.AppendToOutgoingContext(ctx, "x-mlflow-experiment-id", "12")
	if _, err := client.Export(with, grpcRequest("b")); err != nil || k.batches[2].ExperimentID != "12" {
		t.Fatalf("%v, %+v", err, k.batches)
	}
	bad := grpcRequest("")
	bad.ResourceSpans[0].ScopeSpans[0].Spans[0].TraceId = []byte("short")
	resp, err := client.Export(ctx, bad)
	if err != nil || resp.PartialSuccess.GetRejectedSpans() != 1 || resp.PartialSuccess.GetErrorMessage() == "" {
		t.Fatalf("%v, %v", resp, err)
	}
	if resp, err := client.Export(ctx, &collector.ExportTraceServiceRequest{}); err != nil || resp.PartialSuccess != nil {
		t.Fatalf("empty request: %v, %v", resp, err)
	}
}

func TestGRPCFailures(t *testing.T) {
	k := &keeper{}
	conn := dial(t, newServer(t, k, Config{MaxBody: 1 << 16, MaxInFlight: 1 << 17, RetryAfter: 2 * time.Second}))
	client := collector.NewTraceServiceClient(conn)

	big := grpcRequest(strings.Repeat("x", 1<<17))
	for _, opts := range [][]grpc.CallOption{nil, {grpc.UseCompressor(gzip.Name)}} {
		if _, err := client.Export(t.Context(), big, opts...); status.Code(err) != codes.ResourceExhausted {
			t.Fatalf("oversized: %v", err)
		}
	}
	for kind, want := range map[fault.Kind]codes.Code{fault.Limited: codes.ResourceExhausted, fault.Unavailable: codes.Unavailable} {
		k.refuse = func(trace.Batch) (int, string, error) { return 0, "", fault.New(kind, "later") }
		_, err := client.Export(t.Context(), grpcRequest("a"))
		st := status.Convert(err)
		if st.Code() != want || len(st.Details()) != 1 {
			t.Fatalf("%v: %v", kind, err)
		}
		if info, ok := st.Details()[0].(*errdetails.RetryInfo); !ok || info.RetryDelay.AsDuration() != 2*time.Second {
			t.Fatalf("%v: %v", kind, st.Details())
		}
	}
	k.refuse = func(trace.Batch) (int, string, error) { panic("defect") }
	if _, err := client.Export(t.Context(), grpcRequest("a")); status.Code(err) != codes.Internal {
		t.Fatalf("panic: %v", err)
	}
	k.refuse = nil
	if _, err := metricscollector.NewMetricsServiceClient(conn).Export(t.Context(), &metricscollector.ExportMetricsServiceRequest{}); status.Code(err) != codes.Unimplemented {
		t.Fatalf("metrics: %v", err)
	}
	resp, err := logscollector.NewLogsServiceClient(conn).Export(t.Context(), &logscollector.ExportLogsServiceRequest{
		ResourceLogs: []*logs.ResourceLogs{{ScopeLogs: []*logs.ScopeLogs{{LogRecords: []*logs.LogRecord{{SeverityText: "INFO"}}}}}},
	})
	if err != nil || resp.PartialSuccess.GetRejectedLogRecords() != 1 {
		t.Fatalf("logs: %v, %v", resp, err)
	}
	torn := message("\x0a\x05x")
	err = conn.Invoke(t.Context(), "/opentelemetry.proto.collector.trace.v1.TraceService/Export", &torn, new(message), grpc.ForceCodecV2(rawCodec{}))
	if status.Code(err) != codes.InvalidArgument {
		t.Fatalf("torn: %v", err)
	}
}
