package tracing

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/trace"
)

// Header is what a store keeps of a trace beside its spans: the [Info], and
// which parts of it [Service.StartTrace] made final.
type Header struct {
	Info
	Final       bool // time range and state
	TokensGiven bool
	CostGiven   bool
}

// MergeInfo lays what StartTrace said over the header.
func (h *Header) MergeInfo(in *Info) {
	fresh := h.ID.IsZero()
	h.ID, h.Experiment = in.ID, in.Experiment
	h.RequestTime, h.Duration, h.State = in.RequestTime, in.Duration, in.State
	h.Final = h.Final || in.State == StateOK || in.State == StateError || in.Duration >= 0
	if in.ClientRequestID != "" || fresh {
		h.ClientRequestID = in.ClientRequestID
	}
	if in.Name != "" {
		h.Name = in.Name
	}
	if in.RequestPreview != "" {
		h.RequestPreview = in.RequestPreview
	}
	if in.ResponsePreview != "" {
		h.ResponsePreview = in.ResponsePreview
	}
	if fresh {
		h.Tokens, h.Cost = trace.NoTokens, trace.NoCost
	}
	h.Tags = merged(h.Tags, in.Tags)
	for k, v := range in.Metadata {
		switch k {
		case MetaTokens:
			if t := ParseTokens(v); TokensJSON(t) != "" {
				t.Reasoning = max(t.Reasoning, h.Tokens.Reasoning)
				h.Tokens, h.TokensGiven = t, true
			}
		case MetaCost:
			if c := ParseCost(v); c.Total >= 0 {
				h.Cost, h.CostGiven = c, true
			}
		case MetaSession:
			h.Session = v
		case MetaUser:
			h.User = v
		case MetaRun:
			h.Run = v
		}
	}
	h.Metadata = merged(h.Metadata, in.Metadata)
	h.mergePrompts(in.Tags[TagLinkedPrompts])
}

func merged(dst, src map[string]string) map[string]string {
	if dst == nil {
		dst = make(map[string]string, len(src))
	}
	for k, v := range src {
		dst[k] = v
	}
	return dst
}

func (h *Header) mergePrompts(text string) {
	if text == "" {
		return
	}
	var list []Prompt
	if json.Unmarshal([]byte(text), &list) == nil {
		h.AddPrompts(list)
	}
}

const maxPrompts = 100

// AddPrompts links prompt versions that are not linked yet.
func (h *Header) AddPrompts(list []Prompt) {
	for _, p := range list {
		if p.Name != "" && !slices.Contains(h.Prompts, p) && len(h.Prompts) < maxPrompts {
			h.Prompts = append(h.Prompts, p)
		}
	}
}

// Gist is what the header of one trace takes from spans that arrived
// together, beyond what a [Shape] knows.
type Gist struct {
	Name           string // root span's
	Version        string // of the agent
	Session, User  string
	Input, Output  string // previews
	Tags, Resource map[string]string
	Prompts        []Prompt
}

const (
	traceTagPrefix = "mlflow.traceTag."
	maxResource    = 64 // resource attributes that become tags
)

// Look takes the gist of one arriving span.
func (g *Gist) Look(s *trace.Span) {
	c := &s.Columns
	if g.Session == "" {
		g.Session = clip(clean(c.Session), MaxTagKey)
	}
	if g.User == "" {
		g.User = clip(clean(c.User), MaxTagKey)
	}
	if g.Version == "" {
		if v, ok := trace.Lookup(s.Attrs, TagAgentVersion); ok {
			g.Version = clip(clean(unquote(v.Text())), MaxTagKey)
		}
	}
	if s.Source != nil && g.Resource == nil {
		g.resource(s.Source.Resource)
	}
	if v, ok := trace.Lookup(s.Attrs, TagLinkedPrompts); ok && len(g.Prompts) < maxPrompts {
		g.prompts(v.Text())
	}
	if !s.Parent.IsZero() {
		return
	}
	g.Name = clip(clean(s.Name), MaxTagKey)
	if c.Input != "" {
		g.Input = preview(c.Input, "user")
	}
	if c.Output != "" {
		g.Output = preview(c.Output, "assistant")
	}
	if g.Output == "" && s.Status == trace.Error {
		g.Output = clip(clean(s.StatusMessage), MaxPreview)
	}
	for i := range s.Attrs {
		if key, ok := strings.CutPrefix(s.Attrs[i].Key, traceTagPrefix); ok && key != "" {
			if g.Tags == nil {
				g.Tags = map[string]string{}
			}
			g.Tags[clip(clean(key), MaxTagKey)] = clip(clean(unquote(s.Attrs[i].Value.Text())), MaxTagValue)
		}
	}
}

func (g *Gist) prompts(text string) {
	var list []Prompt
	if json.Unmarshal([]byte(text), &list) != nil {
		var inner string // MLflow encodes attributes as JSON, so perhaps twice
		if json.Unmarshal([]byte(text), &inner) != nil || json.Unmarshal([]byte(inner), &list) != nil {
			return
		}
	}
	g.Prompts = append(g.Prompts, list...)
}

// unquote undoes the JSON encoding that MLflow's exporter gives a string.
func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' {
		var inner string
		if json.Unmarshal([]byte(s), &inner) == nil {
			return inner
		}
	}
	return s
}

func (g *Gist) resource(attrs []trace.Attr) {
	g.Resource = make(map[string]string, len(attrs))
	for i := range attrs {
		key := attrs[i].Key
		if strings.HasPrefix(key, "telemetry.sdk.") || strings.HasPrefix(key, "mlflow.") || key == "" {
			continue // bookkeeping of the exporter; the second is ours alone
		}
		if len(g.Resource) == maxResource {
			return
		}
		g.Resource[clip(clean(key), MaxTagKey)] = clip(clean(attrs[i].Value.Text()), MaxTagValue)
	}
}

// MergeSpans lays what spans say over the header: sh is all of the trace's
// spans, g what the new ones add. The id must be set.
func (h *Header) MergeSpans(sh *Shape, g *Gist, experiment, run string) {
	if h.Experiment == "" {
		h.Experiment, h.State, h.Duration = experiment, InProgress, -1
		h.Tokens, h.Cost = trace.NoTokens, trace.NoCost
		h.RequestTime = sh.start / 1e6
	}
	if run != "" && h.Run == "" {
		h.Run = run
		h.Metadata = merged(h.Metadata, map[string]string{MetaRun: run})
	}
	h.MergeShape(sh)
	if h.Session == "" {
		h.Session = g.Session
	}
	if h.User == "" {
		h.User = g.User
	}
	if h.RequestPreview == "" {
		h.RequestPreview = g.Input
	}
	if h.ResponsePreview == "" {
		h.ResponsePreview = g.Output
	}
	// Tags a user set win over what the resource says, here as in MLflow.
	for k, v := range g.Resource {
		if h.Tags[k] == "" {
			h.Tags = merged(h.Tags, map[string]string{k: v})
		}
	}
	if g.Version != "" && h.Tags[TagAgentVersion] == "" {
		h.Tags = merged(h.Tags, map[string]string{TagAgentVersion: g.Version})
	}
	h.Tags = merged(h.Tags, g.Tags)
	if name := g.Tags[TagName]; name != "" {
		h.Name = name
	} else if h.Name == "" {
		h.Name = g.Name
	}
	h.AddPrompts(g.Prompts)
	h.mergePrompts(g.Tags[TagLinkedPrompts])
}

// MergeShape sets what is derived from the set of spans alone.
func (h *Header) MergeShape(sh *Shape) {
	h.Spans, h.Errors, h.FirstError = sh.Len(), sh.errors, sh.firstError
	h.Complete = sh.complete()
	h.Models = sh.models
	if !h.Final {
		if h.Spans > 0 && (h.RequestTime == 0 || h.State == InProgress || sh.start/1e6 < h.RequestTime) {
			h.RequestTime = sh.start / 1e6
		}
		if sh.end > 0 {
			h.Duration = max(0, sh.end/1e6-h.RequestTime)
		}
	}
	if root, ended := sh.rootState(); ended && (h.State == InProgress || h.State == StateUnspecified || !h.Final) {
		h.State = root
	}
	tokens, cost, unpriced := sh.tally.Totals()
	h.Unpriced = unpriced
	if !h.TokensGiven {
		h.Tokens = tokens
	} else if h.Tokens.Reasoning < 0 {
		h.Tokens.Reasoning = tokens.Reasoning
	}
	if !h.CostGiven {
		h.Cost = cost
	}
}

// Dress fills what MLflow's clients look for in tags and metadata from the
// typed fields. A store calls it on every header it returns.
func (h *Header) Dress() {
	if h.Tags == nil {
		h.Tags = map[string]string{}
	}
	if h.Metadata == nil {
		h.Metadata = map[string]string{}
	}
	if h.Tags[TagArtifactLocation] == "" {
		h.Tags[TagArtifactLocation] = "mlflow-artifacts:/" + h.Experiment + "/traces/" + h.ID.String() + "/artifacts"
	}
	h.Tags[TagSpansLocation] = "TRACKING_STORE"
	if s := TokensJSON(h.Tokens); s != "" {
		h.Metadata[MetaTokens] = s
	}
	if s := CostJSON(h.Cost); s != "" {
		h.Metadata[MetaCost] = s
	}
	for key, v := range map[string]string{MetaRun: h.Run, MetaSession: h.Session, MetaUser: h.User} {
		if v != "" {
			h.Metadata[key] = v
		}
	}
	if h.Models == nil {
		h.Models = []string{}
	}
	if h.Prompts == nil {
		h.Prompts = []Prompt{}
	}
}
