// Package trace holds the nouns of tracing that every domain speaks: span,
// trace, and the columns a span is filtered by.
//
// A span's durable form is the OpenTelemetry protobuf message
// opentelemetry.proto.trace.v1.Span, kept as it arrived ([Span.Raw]); the
// fields beside it are what reading and normalising need. Standard library
// only: the protobuf wire format is read and written here by hand.
package trace

import (
	"encoding/hex"
	"strings"

	"github.com/assayhq/assay/internal/fault"
)

// ID is the 16-byte OpenTelemetry trace id. Its text form, as MLflow clients
// see it, is "tr-" followed by 32 lowercase hex digits.
type ID [16]byte

// SpanID is the 8-byte OpenTelemetry span id; zero means none.
type SpanID [8]byte

func (id ID) String() string     { return "tr-" + hex.EncodeToString(id[:]) }
func (id ID) Hex() string        { return hex.EncodeToString(id[:]) }
func (id ID) IsZero() bool       { return id == ID{} }
func (id SpanID) String() string { return hex.EncodeToString(id[:]) }
func (id SpanID) IsZero() bool   { return id == SpanID{} }

// ParseID reads "tr-<32 hex>" or the bare 32 hex digits.
func ParseID(s string) (ID, error) {
	var id ID
	h := strings.TrimPrefix(s, "tr-")
	if len(h) != 32 {
		return id, fault.Invalidf("trace id %q is not tr- followed by 32 hexadecimal digits", clip(s))
	}
	if _, err := hex.Decode(id[:], []byte(h)); err != nil {
		return id, fault.Invalidf("trace id %q is not tr- followed by 32 hexadecimal digits", clip(s))
	}
	return id, nil
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// Status of a span, numbered as OTLP numbers it.
type Status uint8

const (
	Unset Status = iota
	OK
	Error
)

// Kind of a value.
type ValueKind uint8

const (
	Null ValueKind = iota
	String
	Bool
	Int
	Float
	List
	Map
	Bytes
)

// Value is an OTLP AnyValue. Exactly the field its Kind names is meaningful.
type Value struct {
	Kind  ValueKind
	Str   string // String; for Bytes the raw bytes
	Int   int64  // Int; for Bool 0 or 1
	Float float64
	List  []Value
	Map   []Attr
}

// Attr is one key and its value. Order is kept; a repeated key's last value
// counts.
type Attr struct {
	Key   string
	Value Value
}

// Event is a timed annotation of a span.
type Event struct {
	Time    int64 // unix nanoseconds
	Name    string
	Attrs   []Attr
	Dropped uint32 // attributes the sender dropped
}

// Link points to another span.
type Link struct {
	TraceID ID
	SpanID  SpanID
	State   string // W3C trace state
	Flags   uint32
	Attrs   []Attr
	Dropped uint32 // attributes the sender dropped
}

// Dropped counts what the sender left out of a span at its limits.
type Dropped struct{ Attrs, Events, Links uint32 }

// Source is what a batch of spans came from.
type Source struct {
	Resource []Attr // e.g. service.name
	Scope    string // instrumentation scope name
	Version  string // instrumentation scope version
}

// Span is one timed operation of a trace.
type Span struct {
	TraceID       ID
	ID            SpanID
	Parent        SpanID // zero for a root
	Name          string
	Kind          uint8 // OTLP SpanKind
	Start, End    int64 // unix nanoseconds; End 0 while the span is open
	Status        Status
	StatusMessage string
	Attrs         []Attr
	Events        []Event
	Links         []Link
	State         string // W3C trace state
	Flags         uint32 // W3C trace flags and OTLP's remote bits
	Dropped       Dropped
	Source        *Source // shared by the spans of one batch; may be nil

	// Raw is the OTLP protobuf encoding of the span. It aliases the request
	// body on ingest and must be copied to be kept.
	Raw []byte

	// Columns is what the normaliser derived from Attrs, Events and Source.
	Columns Columns
}

// Columns are the canonical, typed facts of a span. Unknown is the zero value
// for strings and -1 for counts and costs, never 0.
type Columns struct {
	Version  int    // of the normaliser that made them
	Dialect  string // gen_ai, openinference, mlflow, openllmetry, langsmith, vercel, or ""
	Type     string // MLflow span type: LLM, CHAT_MODEL, TOOL, AGENT, CHAIN, RETRIEVER, EMBEDDING, …; "" unknown
	Model    string
	Provider string
	Session  string
	User     string
	Agent    string
	Tool     string
	Node     string // graph node, e.g. LangGraph's langgraph_node

	ErrorType string // of a failed span: exception class or error code
	InputHash uint32 // of a tool's name and canonical input, to know a repeated call; 0 unknown

	Tokens Tokens
	Cost   Cost

	// Aggregate marks a span that repeats the usage of its descendants (an
	// agent or chain span with summed usage), so that totals do not count it.
	Aggregate bool

	Input, Output string // text or JSON as the dialect carries it; for preview and search
}

// Tokens of one model call; -1 is unknown. Input includes CacheRead and
// CacheWrite; Output includes Reasoning; Total is their sum unless reported.
type Tokens struct {
	Input, Output, Total             int64
	CacheRead, CacheWrite, Reasoning int64
}

// NoTokens is the unknown usage.
var NoTokens = Tokens{-1, -1, -1, -1, -1, -1}

// Cost in pico-US-dollars; -1 is unknown. 1e12 is one dollar.
type Cost struct {
	Input, Output, Total int64
}

// NoCost is the unknown cost.
var NoCost = Cost{-1, -1, -1}
