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
	DimVersion             // of the agent, see [agentVersion]
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

// Tags that name the agent's version.
const (
	TagAgentVersion   = "gen_ai.agent.version" // the first that a span said
	tagServiceVersion = "service.version"
)

// versionSources are where the version of a trace's agent stands, the most
// specific first, with the mark that its value has among stored ones.
var versionSources = [...]struct {
	mark  string
	value func(*Info) string
	field string // of the filter grammar
}{
	{"a", func(i *Info) string { return i.Tags[TagAgentVersion] }, "tags.`" + TagAgentVersion + "`"},
	{"s", func(i *Info) string { return i.Tags[tagServiceVersion] }, "tags.`" + tagServiceVersion + "`"},
	{"m", func(i *Info) string { return i.Metadata[MetaModel] }, "metadata.`" + MetaModel + "`"},
}

// agentVersion is the version that a trace's agent ran at, behind the mark of
// its source: gen_ai.agent.version of a span, else the resource's
// service.version, else the logged model that MLflow's client had active.
func agentVersion(info *Info) string {
	for _, s := range versionSources {
		if v := s.value(info); v != "" {
			return s.mark + v
		}
	}
	return ""
}

// shown is a stored value as people see it.
func (d Dimension) shown(value string) string {
	if d.Dim == DimVersion && value != "" {
		return value[1:]
	}
	return value
}

// clauseFields are the fields of the filter grammar that select a value.
var clauseFields = [dimCount]string{
	DimName: "attributes.name", DimUser: "metadata.`" + MetaUser + "`", DimState: "attributes.status", DimModel: "span.model",
	DimProvider: "span.provider", DimNode: "span.node", DimTool: "span.tool", DimAgent: "span.agent", DimType: "span.type", DimSpan: "span.name", DimError: "span.error_type",
}

// clause is the filter text that selects the traces of a stored value; "" when
// there is none.
func (d Dimension) clause(value string) string {
	field := clauseFields[d.Dim]
	switch d.Dim {
	case DimTag:
		if field = "tags.`" + d.Key + "`"; d.Key == TagStalled {
			return field + " IS NOT NULL"
		}
	case DimVersion:
		for _, s := range versionSources {
			if strings.HasPrefix(value, s.mark) {
				field = s.field
			}
		}
		value = d.shown(value)
	case DimScore:
		if !strings.Contains(value, "`") {
			return "feedback.`" + value + "` IS NOT NULL"
		}
	case DimError:
		if value == unknownError {
			return "attributes.status = 'ERROR'"
		}
	}
	if field == "" || value == "" || strings.Contains(d.Key, "`") {
		return ""
	}
	quote := "'"
	if strings.Contains(value, "'") {
		quote = `"`
		if strings.Contains(value, `"`) {
			return "" // the grammar has no escape
		}
	}
	return field + " = " + quote + value + quote
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
