package tracing

import (
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/fault"
)

// Dim is what monitoring groups by. The numbers are stored.
type Dim uint8

// Dimensions of traces count a trace once, with its own totals; those of spans
// count the spans that have the value. An experiment is no dimension: every
// cell belongs to one.
const (
	DimTotal    Dim = iota // every trace, under the value ""
	DimName                // of the trace
	DimVersion             // of the agent, see [AgentVersion]
	DimUser                //
	DimState               //
	DimTag                 // with a key
	DimModel               // from here on of spans
	DimProvider            //
	DimNode                // of a graph
	DimTool                //
	DimAgent               //
	DimType                // of the span
	DimSpan                // name of the span
	DimError               // type of the failure, where it arose
	DimScore               // name of the assessment
	dimCount
)

var dimNames = [...]string{"total", "name", "version", "user", "state", "tag", "model", "provider", "node", "tool", "agent", "type", "span", "error", "score"}

func (d Dim) String() string { return dimNames[d] }

// Dimension is a dimension with the key that tags have.
type Dimension struct {
	Dim Dim
	Key string
}

func (d Dimension) String() string {
	if d.Dim == DimTag {
		return "tag." + d.Key
	}
	return d.Dim.String()
}

// ByExperiment is what [MonitorQuery] calls a series per experiment.
const ByExperiment = "experiment"

// parseDimension reads a name of [MonitorQuery.By] other than ByExperiment.
func parseDimension(name string) (Dimension, error) {
	if key, ok := strings.CutPrefix(name, "tag."); ok && key != "" {
		return Dimension{DimTag, key}, nil
	}
	if name == "" {
		return Dimension{}, nil
	}
	if i := slices.Index(dimNames[:], name); i >= 0 && Dim(i) != DimTag {
		return Dimension{Dim: Dim(i)}, nil
	}
	return Dimension{}, fault.Invalidf("there is nothing to group by called %q; use experiment, %s or tag.<key>", clip(name, 80),
		strings.Join(slices.DeleteFunc(slices.Clone(dimNames[:]), func(s string) bool { return s == "tag" }), ", "))
}

// Tags that name the agent's version where no span does.
const (
	tagServiceVersion = "service.version"
	attrAgentVersion  = "gen_ai.agent.version"
)

// agentVersion is the version that a trace's agent ran at: what the earliest
// span says in gen_ai.agent.version, else the resource's service.version, else
// the logged model that MLflow's client had active.
func agentVersion(info *Info, rows []SpanRow) string {
	first, start := "", int64(0)
	for i := range rows {
		if v := rows[i].AgentVersion; v != "" && (first == "" || rows[i].Start < start) {
			first, start = v, rows[i].Start
		}
	}
	if first != "" {
		return first
	}
	for _, v := range [...]string{info.Tags[attrAgentVersion], info.Tags[tagServiceVersion], info.Metadata[MetaModel]} {
		if v != "" {
			return v
		}
	}
	return ""
}

// unmonitored are tags that have a value of their own in every trace, or a
// dimension.
var unmonitored = map[string]bool{
	TagName: true, TagSpansLocation: true, TagArtifactLocation: true, TagLinkedPrompts: true,
	"service.instance.id": true, "process.pid": true, "host.id": true, "process.command_args": true, "process.command_line": true,
}

const (
	maxMonitoredTag   = 200 // bytes of a value; longer ones are no group
	maxMonitoredKey   = 100
	maxMonitoredValue = 250
)
