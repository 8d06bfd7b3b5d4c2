package tracing

import (
	"slices"

	"github.com/assayhq/assay/internal/trace"
)

// LabelKind is the namespace of a [Label].
type LabelKind uint8

// Kinds of label. Their numbers are stored.
const (
	LabelTag LabelKind = iota
	LabelMetadata
	LabelSpanName
	LabelSpanType
	LabelModel
	LabelProvider
	LabelTool
	LabelAgent
	LabelNode
	LabelRun
	LabelPrompt
	LabelSpanStatus
	LabelErrorType
	labelKinds
)

// Label is a fact that traces are found by. Key is used by tags and metadata.
type Label struct {
	Kind  LabelKind
	Key   string
	Value string
}

// Limits of labels: a trace with more distinct span names, or a value longer
// than this, is found by reading its rows.
const (
	MaxLabelsPerKind = 64
	MaxLabelValue    = 512 // bytes
	maxModels        = 16
)

// Shape is the set of spans of one trace, without payloads, and what follows
// from it. It is not safe for concurrent use.
type Shape struct {
	tally   *Tally
	state   map[trace.SpanID]spanState
	missing map[trace.SpanID]int // parents that are named but not here, with their children

	start, end int64 // unix nanoseconds, over all spans
	errors     int
	firstError trace.SpanID
	errorEnd   int64
	models     []string
	root       trace.SpanID
	rootStart  int64

	labels   map[Label]struct{}
	perKind  [labelKinds]int
	overflow [labelKinds]bool
	fresh    []Label // labels since the last Saved
}

type spanState struct {
	open    bool
	status  trace.Status
	version int32
}

// NewShape returns the shape of a trace without spans, with room for n.
func NewShape(n int) *Shape {
	return &Shape{tally: NewTally(n), state: make(map[trace.SpanID]spanState, n), labels: map[Label]struct{}{}}
}

// Len is the number of spans.
func (sh *Shape) Len() int { return len(sh.state) }

// Wants reports whether the span is new, or better than the one that is here:
// ended where that is open, or of a later normaliser.
func (sh *Shape) Wants(s *trace.Span) bool {
	old, ok := sh.state[s.ID]
	if !ok {
		return true
	}
	if old.open != (s.End == 0) {
		return old.open
	}
	return int32(s.Columns.Version) > old.version
}

// Put adds or replaces a span.
func (sh *Shape) Put(s *trace.Span) {
	c := &s.Columns
	sh.PutRow(&SpanRow{
		ID: s.ID, Parent: s.Parent, Start: s.Start, End: s.End, Name: s.Name, Type: c.Type,
		Model: c.Model, Provider: c.Provider, Agent: c.Agent, Tool: c.Tool, Node: c.Node,
		ErrorType: c.ErrorType, InputHash: c.InputHash,
		Status: s.Status, Aggregate: c.Aggregate, Tokens: c.Tokens, Cost: c.Cost, Version: c.Version,
	})
}

// PutRow is Put for a span read back from its row.
func (sh *Shape) PutRow(r *SpanRow) {
	old, had := sh.state[r.ID]
	sh.state[r.ID] = spanState{open: r.End == 0, status: r.Status, version: int32(r.Version)}
	sh.tally.Put(r.ID, Node{Parent: r.Parent, Aggregate: r.Aggregate, Tokens: r.Tokens, Cost: r.Cost})
	if !had {
		delete(sh.missing, r.ID)
		if _, here := sh.state[r.Parent]; !here && !r.Parent.IsZero() {
			if sh.missing == nil {
				sh.missing = map[trace.SpanID]int{}
			}
			sh.missing[r.Parent]++
		}
	}
	if len(sh.state) == 1 || r.Start < sh.start {
		sh.start = r.Start
	}
	sh.end = max(sh.end, r.End)
	sh.countError(old, had, r)
	if r.Parent.IsZero() && (sh.root.IsZero() || r.Start < sh.rootStart) {
		sh.root, sh.rootStart = r.ID, r.Start
	}
	if r.Model != "" && len(sh.models) < maxModels && !slices.Contains(sh.models, r.Model) {
		sh.models = append(sh.models, r.Model)
	}
	sh.label(r)
}

// countError keeps the number of failed spans and the earliest failure: the
// one that ended first, which is the deepest of a chain.
func (sh *Shape) countError(old spanState, had bool, r *SpanRow) {
	was, is := had && old.status == trace.Error, r.Status == trace.Error
	switch {
	case is && !was:
		sh.errors++
	case was && !is:
		sh.errors--
	}
	if is && (sh.firstError.IsZero() || r.End < sh.errorEnd) {
		sh.firstError, sh.errorEnd = r.ID, r.End
	}
}

var statusNames = [...]string{"UNSET", "OK", "ERROR"}

// StatusName is the status of a span as MLflow's filters name it.
func StatusName(s trace.Status) string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return statusNames[0]
}

func (sh *Shape) label(r *SpanRow) {
	sh.addLabel(LabelSpanName, r.Name)
	sh.addLabel(LabelSpanType, r.Type)
	sh.addLabel(LabelModel, r.Model)
	sh.addLabel(LabelProvider, r.Provider)
	sh.addLabel(LabelTool, r.Tool)
	sh.addLabel(LabelAgent, r.Agent)
	sh.addLabel(LabelNode, r.Node)
	sh.addLabel(LabelSpanStatus, StatusName(r.Status))
	sh.addLabel(LabelErrorType, r.ErrorType)
}

func (sh *Shape) addLabel(kind LabelKind, value string) {
	if value == "" || len(value) > MaxLabelValue {
		return
	}
	l := Label{Kind: kind, Value: value}
	if _, ok := sh.labels[l]; ok {
		return
	}
	if sh.perKind[kind] == MaxLabelsPerKind {
		sh.overflow[kind] = true
		return
	}
	sh.perKind[kind]++
	sh.labels[l] = struct{}{}
	sh.fresh = append(sh.fresh, l)
}

// Labels are what the trace is to be found by because of its spans, since the
// last call of Saved.
func (sh *Shape) Labels() []Label { return sh.fresh }

// Saved forgets the labels so far, once they are durable.
func (sh *Shape) Saved() { sh.fresh = nil }

// Overflow reports whether some kind has more values than are labels.
func (sh *Shape) Overflow() bool {
	return slices.Contains(sh.overflow[:], true)
}

// complete reports whether the trace can be read as a whole.
func (sh *Shape) complete() bool {
	root, ok := sh.state[sh.root]
	return ok && !sh.root.IsZero() && !root.open && len(sh.missing) == 0
}

// rootState is the state of the trace that its root span, once ended, says.
func (sh *Shape) rootState() (State, bool) {
	root, ok := sh.state[sh.root]
	switch {
	case !ok || sh.root.IsZero() || root.open:
		return "", false
	case root.status == trace.Error:
		return StateError, true
	}
	return StateOK, true
}
