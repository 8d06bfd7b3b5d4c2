package alert

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Signal is what a rule measures.
type Signal string

// Signals, with the unit of their values.
const (
	ErrorRate   Signal = "error_rate"    // failed traces of all ended ones, 0 to 1
	LatencyP50  Signal = "latency_p50"   // milliseconds
	LatencyP95  Signal = "latency_p95"   // milliseconds
	LatencyP99  Signal = "latency_p99"   // milliseconds
	Cost        Signal = "cost"          // US dollars in the window
	CostPer1000 Signal = "cost_per_1000" // US dollars per 1,000 priced traces
	Score       Signal = "score"         // mean of the assessments of one name
	Volume      Signal = "volume"        // traces in the window
	Tokens      Signal = "tokens"        // tokens in the window
	Stalled     Signal = "stalled"       // traces left open without new spans
	Loops       Signal = "loops"         // traces that repeat a tool call
)

// signalRule is what one signal is like.
type signalRule struct {
	name string
	// sum says that values add up over traces: without traces they are 0, and
	// a window must have been watched in full before little means too little.
	sum bool
}

var signals = map[Signal]signalRule{
	ErrorRate: {"error rate", false}, LatencyP50: {"latency p50", false}, LatencyP95: {"latency p95", false}, LatencyP99: {"latency p99", false},
	Cost: {"cost", true}, CostPer1000: {"cost per 1,000 traces", false}, Score: {"mean score", false}, Volume: {"number of traces", true},
	Tokens: {"tokens", true}, Stalled: {"stalled traces", true}, Loops: {"looping traces", true},
}

// Sum reports whether values of s add up over traces.
func (s Signal) Sum() bool { return signals[s].sum }

// Dimension narrows a scope beyond experiments.
type Dimension string

// Dimensions.
const (
	Everything Dimension = ""
	ByModel    Dimension = "model"
	ByVersion  Dimension = "version" // of the agent
	ByNode     Dimension = "node"
	ByTool     Dimension = "tool"
	ByUser     Dimension = "user"
	ByTag      Dimension = "tag"
	ByName     Dimension = "name"
)

var dimensions = []Dimension{Everything, ByModel, ByVersion, ByNode, ByTool, ByUser, ByTag, ByName}

// Scope is which traces a rule is about.
type Scope struct {
	Experiments []string  `json:"experiments,omitempty"` // decimal ids; empty means all
	Dimension   Dimension `json:"dimension,omitempty"`
	Key         string    `json:"key,omitempty"` // of a tag
	Value       string    `json:"value,omitempty"`
}

// Measurement is a signal of a scope over a window.
type Measurement struct {
	Scope
	Signal Signal
	Score  string        // name of the assessment, for [Score]
	Window time.Duration // whole minutes
}

// Reading is one value of a measurement.
type Reading struct {
	N     int64   // traces (scores, for [Score]) it is made of
	Value float64 // NaN is unknown
	Link  string  // path of the user interface that opens those traces
}

// format writes a value of s for people: "12.3 %", "1.24 s", "$0.52".
func (s Signal) format(v float64) string {
	switch {
	case math.IsNaN(v):
		return "unknown"
	case s == ErrorRate:
		return digits(v*100) + " %"
	case s == LatencyP50 || s == LatencyP95 || s == LatencyP99:
		if v < 1000 {
			return digits(v) + " ms"
		}
		return digits(v/1000) + " s"
	case s == Cost || s == CostPer1000:
		return "$" + digits(v)
	}
	return digits(v)
}

// digits writes v with three significant digits, whole numbers in full.
func digits(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	if a := math.Abs(v); a >= 1000 || a < 1e-4 {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	return strings.TrimSuffix(strconv.FormatFloat(v, 'g', 3, 64), ".")
}

// span writes a duration of whole minutes: "10 min", "1 h", "90 min".
func span(d time.Duration) string {
	if d >= time.Hour && d%time.Hour == 0 {
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	if d < time.Minute || d%time.Minute != 0 {
		return fmt.Sprintf("%d s", d/time.Second)
	}
	return fmt.Sprintf("%d min", d/time.Minute)
}
