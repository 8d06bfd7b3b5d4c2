package otlp

import (
	"context"
	"mime"
	"net/http"
	"strconv"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
)

const (
	protobufType = "application/x-protobuf"
	jsonType     = "application/json"
)

// Register adds the HTTP routes to mux, which other protocols share: OTLP's
// own, and the prefix the LangSmith SDK appends to its endpoint.
func (s *Server) Register(mux *http.ServeMux) {
	for _, prefix := range [...]string{"", "/otel"} {
		mux.Handle("POST "+prefix+"/v1/traces", s.handler("rejectedSpans", s.httpTraces))
		mux.Handle("POST "+prefix+"/v1/logs", s.handler("rejectedLogRecords", s.httpLogs))
		mux.Handle("POST "+prefix+"/v1/metrics", s.handler("rejectedDataPoints", s.httpMetrics))
	}
}

// Handler returns the routes for a port of their own, on which everything
// else is answered in OTLP's words too.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	s.Register(mux)
	mux.Handle("/", s.handler("", s.httpUnknown))
	return mux
}

// signal handles one kind of request whose body has been read. json tells its
// encoding.
type signal func(ctx context.Context, r *http.Request, body []byte, json bool) (receipt, error)

// handler wraps a signal: method, content type, size, answer. rejectedField is
// the JSON name of the signal's count of rejected items.
func (s *Server) handler(rejectedField string, h signal) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, err := mediaType(r)
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			writeStatus(w, kind, http.StatusMethodNotAllowed, 12, "OTLP requests are made with POST")
			return
		}
		if err == nil && s.cfg.Authorize != nil {
			err = s.cfg.Authorize(r.Context(), caller.Write)
		}
		var done receipt
		if err == nil {
			done, err = s.serve(r, kind, h)
		}
		if err != nil {
			s.fail(w, r, kind, err)
			return
		}
		writeReceipt(w, kind, rejectedField, done)
	})
}

func (s *Server) serve(r *http.Request, kind string, h signal) (receipt, error) {
	b, err := s.readBody(r)
	defer b.release()
	if err != nil {
		return receipt{}, err
	}
	return h(r.Context(), r, b.Bytes(), kind == jsonType)
}

func (s *Server) httpTraces(ctx context.Context, r *http.Request, body []byte, json bool) (receipt, error) {
	parse := trace.ParseRequest
	if json {
		parse = trace.ParseRequestJSON
	}
	req, err := parse(body)
	if err != nil {
		return receipt{}, err
	}
	return s.traces(ctx, req, r.Header.Get)
}

func (s *Server) httpLogs(ctx context.Context, _ *http.Request, body []byte, json bool) (receipt, error) {
	parse := trace.ParseLogs
	if json {
		parse = trace.ParseLogsJSON
	}
	records, rejected, err := parse(body)
	if err != nil {
		return receipt{}, err
	}
	return s.logs(ctx, records, rejected)
}

func (s *Server) httpMetrics(context.Context, *http.Request, []byte, bool) (receipt, error) {
	return receipt{}, fault.New(fault.Unsupported, "this server does not take in metrics; set OTEL_METRICS_EXPORTER=none")
}

func (s *Server) httpUnknown(_ context.Context, r *http.Request, _ []byte, _ bool) (receipt, error) {
	return receipt{}, fault.NotFoundf("there is no OTLP signal at %s; traces go to /v1/traces, logs to /v1/logs", quoted(r.URL.Path))
}

// mediaType returns the request's encoding, JSON where it has none that is
// known, so that a person at a terminal can read the answer.
func mediaType(r *http.Request) (string, error) {
	header := r.Header.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(header)
	switch {
	case err != nil:
	case kind == protobufType, kind == "application/protobuf":
		return protobufType, nil
	case kind == jsonType:
		return jsonType, nil
	}
	return jsonType, &unsupportedMedia{"Content-Type " + quoted(header) + " is not supported; send " + protobufType + " or " + jsonType}
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, kind string, err error) {
	a, msg := answerTo(err)
	if a.http >= 500 && !fault.Is(err, fault.Canceled) && !fault.Is(err, fault.Unsupported) {
		s.log.Error("otlp request failed", "path", r.URL.Path, "error", err)
	}
	if a.again {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(s.cfg.RetryAfter.Seconds()))))
	}
	if a.http == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="assay"`)
	}
	writeStatus(w, kind, a.http, int32(a.grpc), msg)
}

// Fail writes err as a Status, for refusals before a route is reached.
func (s *Server) Fail(w http.ResponseWriter, r *http.Request, err error) {
	kind, _ := mediaType(r)
	s.fail(w, r, kind, err)
}

// writeStatus writes a google.rpc.Status in the request's encoding.
func writeStatus(w http.ResponseWriter, kind string, httpStatus int, code int32, msg string) {
	var b []byte
	if kind == protobufType {
		b, _ = proto.Marshal(&spb.Status{Code: code, Message: msg}) // cannot fail on valid UTF-8
	} else {
		b = append(b, `{"code":`...)
		b = strconv.AppendInt(b, int64(code), 10)
		b = append(b, `,"message":`...)
		b = append(trace.AppendJSONString(b, msg), '}')
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(httpStatus)
	w.Write(b)
}

// writeReceipt writes the response of a signal: all three have the same shape,
// partial_success = 1 with a count = 1 and error_message = 2, and are empty
// after full success.
func writeReceipt(w http.ResponseWriter, kind, rejectedField string, r receipt) {
	var b []byte
	switch {
	case kind == protobufType:
		b = appendReceipt(nil, r)
	case r == receipt{}:
		b = []byte("{}")
	default:
		b = append(b, `{"partialSuccess":{"`+rejectedField+`":"`...)
		b = strconv.AppendInt(b, int64(r.rejected), 10)
		b = append(b, `","errorMessage":`...)
		b = append(trace.AppendJSONString(b, r.reason), "}}"...)
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.Write(b)
}

func appendReceipt(b []byte, r receipt) []byte {
	if r == (receipt{}) {
		return b
	}
	var partial []byte
	partial = protowire.AppendTag(partial, 1, protowire.VarintType)
	partial = protowire.AppendVarint(partial, uint64(r.rejected))
	partial = protowire.AppendTag(partial, 2, protowire.BytesType)
	partial = protowire.AppendString(partial, r.reason)
	b = protowire.AppendTag(b, 1, protowire.BytesType)
	return protowire.AppendBytes(b, partial)
}
