package otlp

import (
	"context"
	"errors"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip" // exporters may compress
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
)

// GRPC is the gRPC listener of a [Server].
type GRPC struct {
	srv      *grpc.Server
	addr     string
	listener net.Listener
	stop     sync.Once
}

// GRPC returns a listener for addr (host:port) that answers by s.
func (s *Server) GRPC(addr string) *GRPC {
	srv := grpc.NewServer(
		grpc.ForceServerCodecV2(rawCodec{}),
		grpc.MaxRecvMsgSize(s.cfg.MaxBody),
		grpc.MaxConcurrentStreams(256),
		grpc.ConnectionTimeout(20*time.Second),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.UnaryInterceptor(s.recovered),
	)
	srv.RegisterService(service("trace.v1.TraceService", s.grpcTraces), s)
	srv.RegisterService(service("logs.v1.LogsService", s.grpcLogs), s)
	return &GRPC{srv: srv, addr: addr}
}

// Listen binds the address.
func (g *GRPC) Listen(ctx context.Context) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", g.addr)
	if err != nil {
		return fault.Wrap(fault.Unavailable, "otlp.Listen", err, "cannot listen on %s for OTLP over gRPC", g.addr)
	}
	g.listener = l
	return nil
}

// Start answers requests until Stop. It binds the address unless Listen did.
func (g *GRPC) Start(ctx context.Context) error {
	if g.listener == nil {
		if err := g.Listen(ctx); err != nil {
			return err
		}
	}
	go g.srv.Serve(g.listener) // ends with an error only after Stop
	return nil
}

// Stop waits for requests in flight until ctx ends. It may be called twice.
func (g *GRPC) Stop(ctx context.Context) error {
	g.stop.Do(func() {
		done := make(chan struct{})
		go func() { g.srv.GracefulStop(); close(done) }()
		select {
		case <-done:
		case <-ctx.Done():
			g.srv.Stop()
			<-done
		}
		if g.listener != nil {
			g.listener.Close()
		}
	})
	return nil
}

// Addr is the bound address; "" before Listen.
func (g *GRPC) Addr() string {
	if g.listener == nil {
		return ""
	}
	return g.listener.Addr().String()
}

// message is a request or response as bytes.
type message []byte

// rawCodec hands messages through undecoded, so that spans are parsed once,
// by the same parser as over HTTP.
type rawCodec struct{}

var _ encoding.CodecV2 = rawCodec{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	m, ok := v.(*message)
	if !ok {
		return nil, status.Error(codes.Internal, "not a raw message")
	}
	return mem.BufferSlice{mem.SliceBuffer(*m)}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(*message)
	if !ok {
		return status.Error(codes.Internal, "not a raw message")
	}
	*m = data.Materialize()
	return nil
}

type export func(ctx context.Context, body []byte) (receipt, error)

// service describes an OTLP service: one unary method, Export.
func service(name string, do export) *grpc.ServiceDesc {
	full := "/opentelemetry.proto.collector." + name + "/Export"
	return &grpc.ServiceDesc{
		ServiceName: "opentelemetry.proto.collector." + name,
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: "Export",
			Handler: func(srv any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
				in := new(message)
				if err := decode(in); err != nil {
					return nil, err
				}
				run := func(ctx context.Context, req any) (any, error) {
					r, err := do(ctx, *req.(*message))
					if err != nil {
						return nil, err
					}
					out := message(appendReceipt(nil, r))
					return &out, nil
				}
				if intercept == nil {
					return run(ctx, in)
				}
				return intercept(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: full}, run)
			},
		}},
		Metadata: "opentelemetry",
	}
}

// recovered authenticates, bounds what is in flight, maps faults to codes, and
// keeps a defect in one request from ending the process.
func (s *Server) recovered(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("otlp request panicked", "method", info.FullMethod, "panic", p, "stack", string(debug.Stack()))
			err = status.Error(codes.Internal, "internal error; the server's log has the cause")
		}
	}()
	resp, err = s.admit(ctx, req, next)
	if err != nil {
		return nil, s.grpcError(info.FullMethod, err)
	}
	return resp, nil
}

func (s *Server) admit(ctx context.Context, req any, next grpc.UnaryHandler) (any, error) {
	if s.cfg.Authenticate != nil {
		var err error
		if ctx, err = s.cfg.Authenticate(ctx, credentials(ctx)); err != nil {
			return nil, err
		}
	}
	if s.cfg.Authorize != nil {
		if err := s.cfg.Authorize(ctx, caller.Write); err != nil {
			return nil, err
		}
	}
	size := int64(len(*req.(*message)))
	if !s.flight.take(size) {
		return nil, errBusy
	}
	defer s.flight.give(size)
	return next(ctx, req)
}

func credentials(ctx context.Context) Credentials {
	header := headerOf(ctx)
	c := Credentials{Authorization: header("authorization"), Workspace: header(workspaceHeader)}
	if p, ok := peer.FromContext(ctx); ok {
		c.Address = p.Addr.String()
	}
	return c
}

func headerOf(ctx context.Context) func(string) string {
	md, _ := metadata.FromIncomingContext(ctx)
	return func(name string) string {
		if v := md.Get(name); len(v) > 0 {
			return v[0]
		}
		return ""
	}
}

func (s *Server) grpcTraces(ctx context.Context, body []byte) (receipt, error) {
	req, err := trace.ParseRequest(body)
	if err != nil {
		return receipt{}, err
	}
	return s.traces(ctx, req, headerOf(ctx))
}

func (s *Server) grpcLogs(ctx context.Context, body []byte) (receipt, error) {
	records, rejected, err := trace.ParseLogs(body)
	if err != nil {
		return receipt{}, err
	}
	return s.logs(ctx, records, rejected)
}

func (s *Server) grpcError(method string, err error) error {
	if errors.Is(err, context.Canceled) {
		return status.Error(codes.Canceled, "the request was cancelled")
	}
	a, msg := answerTo(err)
	if a.grpc == codes.Internal || a.grpc == codes.Unavailable {
		s.log.Error("otlp request failed", "method", method, "error", err)
	}
	st := status.New(a.grpc, msg)
	if a.again {
		if with, err := st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(s.cfg.RetryAfter)}); err == nil {
			st = with
		}
	}
	return st.Err()
}
