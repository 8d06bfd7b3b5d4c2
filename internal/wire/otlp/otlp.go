// Package otlp receives OpenTelemetry data: traces, and the log events that
// carry evaluations, over HTTP (protobuf and JSON) and gRPC.
//
// What the protocol demands and is easily got wrong:
//
//   - The size limit holds after decompression; beyond it the answer is 413 or
//     RESOURCE_EXHAUSTED.
//   - Spans that can never be kept are a partial success (200), not an error:
//     an error would lose or resend the rest of the batch.
//   - 429 and 503 carry Retry-After, gRPC RetryInfo; other errors are final.
//   - An answer has the content type of the request, and errors are a
//     google.rpc.Status in it.
//   - An acknowledgement leaves only after the data is durable, which is the
//     contract of [trace.Ingester].
//
// Which experiment spans belong to is said, in this order, by the request
// headers of MLflow, by attributes of the resource, or by service.name.
package otlp

import (
	"context"
	"log/slog"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
)

// Config of a [Server].
type Config struct {
	// MaxBody bounds a request after decompression, in bytes; 0 is 64 MiB.
	MaxBody int
	// MaxInFlight bounds the decompressed bytes of all requests being handled;
	// beyond it senders are asked to come again. 0 is 512 MiB.
	MaxInFlight int
	// RetryAfter is what a refused sender is told to wait, 0 is one second.
	RetryAfter time.Duration

	// Authorize decides whether ctx's caller may write.
	Authorize func(ctx context.Context, need caller.Permission) error
	// Authenticate puts the caller into ctx; gRPC only, since HTTP requests
	// arrive authenticated.
	Authenticate func(ctx context.Context, c Credentials) (context.Context, error)

	// Evaluations keeps evaluation results that arrive as events. Without it
	// they are rejected.
	Evaluations Evaluations
}

// Credentials are what a gRPC request says of its sender.
type Credentials struct {
	Authorization string // the metadata of that name
	Workspace     string // x-mlflow-workspace; "" for the default
	Address       string // remote host and port
}

// Evaluation is one gen_ai.evaluation.result event.
type Evaluation struct {
	TraceID     trace.ID
	SpanID      trace.SpanID // zero for the whole trace
	Name        string
	Score       *float64
	Label       string
	Explanation string
	Error       string // error.type, when the evaluation failed
	Time        int64  // unix nanoseconds; 0 unknown
}

// Evaluations keeps evaluation results. Like [trace.Ingester], Evaluate
// returns nil only when what it did not reject is durable.
type Evaluations interface {
	Evaluate(ctx context.Context, list []Evaluation) (rejected int, reason string, err error)
}

// Server answers OTLP requests.
type Server struct {
	cfg    Config
	log    *slog.Logger
	ingest trace.Ingester
	flight budget
}

// NewServer returns a server that hands spans to ingest.
func NewServer(ingest trace.Ingester, log *slog.Logger, cfg Config) *Server {
	if cfg.MaxBody == 0 {
		cfg.MaxBody = 64 << 20
	}
	if cfg.MaxInFlight == 0 {
		cfg.MaxInFlight = 512 << 20
	}
	if cfg.RetryAfter == 0 {
		cfg.RetryAfter = time.Second
	}
	return &Server{cfg: cfg, log: log, ingest: ingest, flight: budget{limit: int64(cfg.MaxInFlight)}}
}

// receipt is what a sender is told of a request that was taken in.
type receipt struct {
	rejected int
	reason   string
}

func (r *receipt) reject(n int, reason string) {
	if n <= 0 {
		return
	}
	if r.reason == "" {
		r.reason = reason
	}
	r.rejected += n
}

// traces takes in a decoded request. header looks up a request header or
// gRPC metadata by its lower-case name.
func (s *Server) traces(ctx context.Context, req trace.Request, header func(string) string) (receipt, error) {
	var r receipt
	r.reject(req.Rejected, req.Reason)
	batches := split(req.Spans, header)
	for _, b := range batches {
		rejected, reason, err := s.ingest.Ingest(ctx, b)
		switch {
		case err == nil:
			r.reject(rejected, reason)
		case len(batches) > 1 && final(err):
			// One experiment of several refuses: the others' spans are kept, and
			// sending these again would not help.
			s.log.Info("spans rejected", "spans", len(b.Spans), "error", err)
			r.reject(len(b.Spans), fault.Message(err))
		default:
			return receipt{}, err
		}
	}
	return r, nil
}

// final reports a refusal that the same request would meet again.
func final(err error) bool {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.NotFound, fault.State, fault.Denied, fault.TooLarge:
		return true
	}
	return false
}

// The events conventions for generative models send as logs.
const evaluationEvent = "gen_ai.evaluation.result"

const logsReason = "only " + evaluationEvent + " events with a trace id and gen_ai.evaluation.name are kept; other log records are not stored"

// logs takes in log records: evaluation results are kept, everything else is
// rejected openly.
func (s *Server) logs(ctx context.Context, records []trace.LogRecord, rejected int) (receipt, error) {
	var r receipt
	r.reject(rejected, logsReason)
	var list []Evaluation
	for i := range records {
		e, ok := evaluation(&records[i])
		if !ok || s.cfg.Evaluations == nil {
			r.reject(1, logsReason)
			continue
		}
		list = append(list, e)
	}
	if len(list) == 0 {
		return r, nil
	}
	n, reason, err := s.cfg.Evaluations.Evaluate(ctx, list)
	if err != nil {
		return receipt{}, err
	}
	r.reject(n, reason)
	return r, nil
}

func evaluation(l *trace.LogRecord) (Evaluation, bool) {
	e := Evaluation{TraceID: l.TraceID, SpanID: l.SpanID, Time: l.Time}
	if l.Event != evaluationEvent || l.TraceID.IsZero() {
		return e, false
	}
	for _, a := range l.Attrs {
		switch a.Key {
		case "gen_ai.evaluation.name":
			e.Name = a.Value.Text()
		case "gen_ai.evaluation.score.value":
			switch a.Value.Kind {
			case trace.Float:
				e.Score = &a.Value.Float
			case trace.Int:
				f := float64(a.Value.Int)
				e.Score = &f
			}
		case "gen_ai.evaluation.score.label":
			e.Label = a.Value.Text()
		case "gen_ai.evaluation.explanation":
			e.Explanation = a.Value.Text()
		case "error.type":
			e.Error = a.Value.Text()
		}
	}
	return e, e.Name != ""
}
