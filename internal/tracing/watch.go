package tracing

import "fmt"

// Tags that the server gives traces by itself. They are ordinary tags: found,
// counted and alerted on as such.
const (
	// TagStalled is on an open trace whose sender fell silent: since when, in
	// RFC 3339. It goes when the trace is heard of again or ends.
	TagStalled = "assay.stalled"

	// TagLoop is on a trace in which a tool was called again and again with
	// the same input: "<tool> ×<times>".
	TagLoop = "assay.loop"
)

// LoopTag is the value of [TagLoop].
func LoopTag(l Loop) string { return fmt.Sprintf("%s ×%d", clip(l.Tool, 100), l.N) }
