package mlflow

import (
	"context"
	"crypto/rand"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// v2 serves the calls of clients before 3.0, and those that today's client
// still makes there. A header is opened, the spans are put as the artifact
// traces.json, and the header is closed.
func (h traces) v2() []route {
	const base = "mlflow/traces"
	return []route{
		v2(http.MethodPost, base, caller.Write, bind(h.startV2)),
		v2(http.MethodGet, base, caller.Read, bind(h.searchV2)),
		v2(http.MethodPatch, base+"/{request_id}", caller.Write, bind(h.endV2)),
		v2(http.MethodGet, base+"/{request_id}/info", caller.Read, bind(h.infoV2)),
		v2(http.MethodPatch, base+"/{request_id}/tags", caller.Write, bind(h.setTag)),
		v2(http.MethodDelete, base+"/{request_id}/tags", caller.Write, bind(h.deleteTag)),
		v2(http.MethodPost, base+"/delete-traces", caller.Write, bind(h.delete)),
		v2(http.MethodPost, base+"/link-to-run", caller.Write, bind(h.linkRun)),
		v2(http.MethodPost, base+"/link-prompts", caller.Write, bind(h.linkPrompts)),
	}
}

func toMap(list []keyValue) map[string]string {
	m := make(map[string]string, len(list))
	for _, kv := range list {
		m[kv.Key] = kv.Value
	}
	return m
}

type startV2Request struct {
	Experiment string     `json:"experiment_id"`
	Time       Int        `json:"timestamp_ms"`
	Metadata   []keyValue `json:"request_metadata"`
	Tags       []keyValue `json:"tags"`
}

func (h traces) startV2(ctx context.Context, r *startV2Request) (any, error) {
	if r.Experiment == "" {
		return nil, missing("experiment_id")
	}
	var id trace.ID
	rand.Read(id[:]) // the client takes the server's id
	info, err := h.tracing.StartTrace(ctx, tracing.Info{
		ID: id, Experiment: r.Experiment, RequestTime: int64(r.Time), Duration: -1, State: tracing.InProgress,
		Tags: toMap(r.Tags), Metadata: toMap(r.Metadata),
	})
	if err != nil {
		return nil, err
	}
	return answerInfoV2(&info), nil
}

type endV2Request struct {
	RequestID string     `json:"request_id"`
	Time      Int        `json:"timestamp_ms"`
	Status    string     `json:"status"`
	Metadata  []keyValue `json:"request_metadata"`
	Tags      []keyValue `json:"tags"`
}

func (h traces) endV2(ctx context.Context, r *endV2Request) (any, error) {
	id, err := traceID(r.RequestID)
	if err != nil {
		return nil, err
	}
	state := tracing.State(r.Status)
	switch r.Status {
	case "", "TRACE_STATUS_UNSPECIFIED":
		state = tracing.StateUnspecified
	case "OK", "ERROR", "IN_PROGRESS":
	default:
		return nil, fault.Invalidf("Invalid value %q for parameter 'status' supplied: it must be OK, ERROR or IN_PROGRESS", clip(r.Status))
	}
	info, err := h.tracing.EndTrace(ctx, tracing.End{
		ID: id, Time: int64(r.Time), State: state, Tags: toMap(r.Tags), Metadata: toMap(r.Metadata),
	})
	if err != nil {
		return nil, err
	}
	return answerInfoV2(&info), nil
}

type traceV2Request struct {
	RequestID string `json:"request_id"`
}

func (h traces) infoV2(ctx context.Context, r *traceV2Request) (any, error) {
	id, err := traceID(r.RequestID)
	if err != nil {
		return nil, err
	}
	info, err := h.tracing.Info(ctx, id)
	if err != nil {
		return nil, err
	}
	return answerInfoV2(&info), nil
}

func (h traces) searchV2(ctx context.Context, r *searchTracesRequest) (any, error) {
	if len(r.Experiments) == 0 {
		return nil, missing("experiment_ids")
	}
	return h.searchPage(ctx, r, appendInfoV2)
}

func answerInfoV2(info *tracing.Info) encoded {
	b := appendInfoV2([]byte(`{"trace_info":`), info)
	return append(b, '}')
}

// appendInfoV2 writes a header as MLflow's TraceInfo of version 2.
func appendInfoV2(b []byte, info *tracing.Info) []byte {
	b = append(b, '{')
	b = appendTextField(b, "request_id", info.ID.String())
	b = appendTextField(b, "experiment_id", info.Experiment)
	b = appendIntField(b, "timestamp_ms", info.RequestTime)
	b = appendIntField(b, "execution_time_ms", max(0, info.Duration)) // 0 while it runs
	status := string(info.State)
	if info.State == tracing.StateUnspecified || status == "" {
		status = "TRACE_STATUS_UNSPECIFIED"
	}
	b = appendTextField(b, "status", status)
	b = appendPairs(b, "request_metadata", info.Metadata)
	tags := info.Tags
	if info.Metadata["mlflow.trace_schema.version"] == "2" || info.Metadata[finalized] == "" && info.Spans == 0 {
		tags = maps.Clone(tags)
		delete(tags, tracing.TagSpansLocation) // the client that made it knows no such thing
	}
	b = appendPairs(b, "tags", tags)
	return append(b, '}')
}

func appendPairs(b []byte, name string, m map[string]string) []byte {
	keys := slices.Sorted(maps.Keys(m))
	return appendList(b, name, keys, func(b []byte, k *string) []byte { return appendKeyValue(b, *k, m[*k]) })
}

type linkRunRequest struct {
	TraceIDs []string `json:"trace_ids"`
	RunID    string   `json:"run_id"`
}

const maxLinked = 100

func (h traces) linkRun(ctx context.Context, r *linkRunRequest) (any, error) {
	switch {
	case r.TraceIDs == nil:
		return nil, missing("trace_ids")
	case r.RunID == "":
		return nil, missing("run_id")
	case len(r.TraceIDs) > maxLinked:
		return nil, fault.Invalidf("Cannot link more than %d traces to a run in a single request. Provided %d traces.", maxLinked, len(r.TraceIDs))
	}
	ids := traceIDs(r.TraceIDs)
	if len(ids) == 0 {
		return empty{}, nil
	}
	return empty{}, h.tracing.LinkRun(ctx, r.RunID, ids)
}

type linkPromptsRequest struct {
	TraceID string           `json:"trace_id"`
	Prompts []tracing.Prompt `json:"prompt_versions"`
}

func (h traces) linkPrompts(ctx context.Context, r *linkPromptsRequest) (any, error) {
	switch {
	case r.TraceID == "":
		return nil, missing("trace_id")
	case len(r.Prompts) == 0:
		return nil, missing("prompt_versions")
	}
	for _, p := range r.Prompts {
		if n, err := strconv.ParseInt(p.Version, 10, 64); err != nil || n < 1 {
			return nil, fault.Invalidf("Invalid value %q for parameter 'prompt_versions.version': a version is a positive integer", clip(p.Version))
		}
	}
	id, err := traceID(r.TraceID)
	if err != nil {
		return nil, err
	}
	return empty{}, h.tracing.LinkPrompts(ctx, id, r.Prompts)
}
