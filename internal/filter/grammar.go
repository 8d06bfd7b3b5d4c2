package filter

import (
	"maps"
	"slices"
	"strings"
)

// ops is a set of operators, one bit each.
type ops uint16

func set(list ...Op) ops {
	var s ops
	for _, o := range list {
		s |= 1 << o
	}
	return s
}

func (s ops) has(o Op) bool { return s&(1<<o) != 0 }

func (s ops) String() string {
	var names []string
	for o := Eq; o <= IsNotNull; o++ {
		if s.has(o) {
			names = append(names, o.String())
		}
	}
	return strings.Join(names, ", ")
}

// The sets that recur.
var (
	equality   = set(Eq, Ne)
	pattern    = equality | set(Like, ILike)
	ordered    = equality | set(Lt, Le, Gt, Ge)
	member     = set(In, NotIn)
	null       = set(IsNull, IsNotNull)
	expression = pattern | set(RLike)
)

// accepts is what a key may be compared with.
type accepts uint8

const (
	text        accepts = iota // a quoted string, or a list of them for In and NotIn
	number                     // a number
	integer                    // a number without fraction
	integerText                // the same, also in quotes
	numberText                 // a number, also in quotes
	integerOnly                // an integer, never in quotes; only bare timestamp of traces
	decimalID                  // quoted decimal digits: experiment_id
	assessment                 // a number for ordered operators, else a quoted string
	promptRef                  // a quoted "name/version"
	anyText                    // a quoted string, a number or a bare word, read as text
)

// key describes one key, or all keys of an open group.
type key struct {
	field Field // canonical; a zero Key means: as written
	ops   ops
	takes accepts
}

// grammar is what one entity's filter may say.
type grammar struct {
	prefixes map[string]Group         // as written before the dot
	closed   map[Group]map[string]key // the groups with a fixed list of keys
	open     map[Group]key            // the groups whose keys are users' names
	order    map[string]Field         // attributes one may sort by, as written
	sortable map[Group]bool           // open groups one may sort by
}

const spanAttributePrefix = "attributes."

// Names with a meaning of their own in traces.
const (
	traceNameTag   = "mlflow.traceName"
	linkedPrompts  = "mlflow.linkedPrompts"
	sourceRunKey   = "mlflow.sourceRun"
	tokenUsageKey  = "mlflow.trace.tokenUsage"
	traceCostKey   = "mlflow.trace.cost"
	bareTimestamp  = "timestamp"
	bareTextFilter = "text"
)

func attribute(name string) Field { return Field{Attribute, name} }

func textKey(o ops, names ...string) map[string]key {
	m := map[string]key{}
	for _, n := range names {
		m[n] = key{attribute(n), o, text}
	}
	return m
}

func numberKey(takes accepts, names ...string) map[string]key {
	m := map[string]key{}
	for _, n := range names {
		m[n] = key{attribute(n), ordered, takes}
	}
	return m
}

// alias adds names that stand for the key already called canon.
func alias(m map[string]key, canon string, names ...string) map[string]key {
	for _, n := range names {
		m[n] = m[canon]
	}
	return m
}

func merge(list ...map[string]key) map[string]key {
	all := map[string]key{}
	for _, m := range list {
		maps.Copy(all, m)
	}
	return all
}

// sortKeys lists attributes to sort by, written as they are called.
func sortKeys(names ...string) map[string]Field {
	m := map[string]Field{}
	for _, n := range names {
		m[n] = attribute(n)
	}
	return m
}

var grammars = map[Entity]*grammar{
	Runs:             runGrammar(),
	Experiments:      experimentGrammar(),
	RegisteredModels: registeredModelGrammar(),
	Prompts:          registeredModelGrammar(),
	ModelVersions:    modelVersionGrammar(),
	LoggedModels:     loggedModelGrammar(),
	Traces:           traceGrammar(),
	Datasets:         datasetGrammar(),
	Issues:           issueGrammar(),
	TraceMetrics:     traceMetricGrammar(),
}

func runGrammar() *grammar {
	attributes := merge(
		textKey(pattern, "run_name", "user_id", "status", "artifact_uri"),
		textKey(pattern|member, "run_id"),
		numberKey(number, "start_time", "end_time"),
	)
	alias(attributes, "start_time", "created", "Created")
	alias(attributes, "run_name", "run name", "Run name", "Run Name")
	order := sortKeys("run_id", "run_name", "user_id", "status", "artifact_uri", "start_time", "end_time")
	order["created"], order["Created"] = attribute("start_time"), attribute("start_time")
	data := map[string]key{}
	for _, n := range []string{"name", "digest", "context"} {
		data[n] = key{Field{Dataset, n}, pattern | member, text}
	}
	return &grammar{
		prefixes: map[string]Group{
			"attribute": Attribute, "attributes": Attribute, "attr": Attribute, "run": Attribute,
			"metric": Metric, "metrics": Metric,
			"parameter": Param, "parameters": Param, "param": Param, "params": Param,
			"tag": Tag, "tags": Tag,
			"dataset": Dataset, "datasets": Dataset,
		},
		closed: map[Group]map[string]key{Attribute: attributes, Dataset: data},
		open: map[Group]key{
			Metric: {Field{Group: Metric}, ordered, number},
			Param:  {Field{Group: Param}, pattern | null, text},
			Tag:    {Field{Group: Tag}, pattern | null, text},
		},
		order:    order,
		sortable: map[Group]bool{Metric: true, Param: true, Tag: true},
	}
}

func experimentGrammar() *grammar {
	attributes := merge(textKey(pattern, "name"), numberKey(integer, "creation_time", "last_update_time"))
	attributes["experiment_id"] = key{attribute("experiment_id"), equality | member, decimalID}
	return &grammar{
		prefixes: map[string]Group{"attribute": Attribute, "tag": Tag, "tags": Tag},
		closed:   map[Group]map[string]key{Attribute: attributes},
		open:     map[Group]key{Tag: {Field{Group: Tag}, pattern | null, text}},
		order:    sortKeys("name", "experiment_id", "creation_time", "last_update_time"),
	}
}

func registeredModelGrammar() *grammar {
	return &grammar{
		prefixes: map[string]Group{"attribute": Attribute, "tag": Tag, "tags": Tag},
		closed:   map[Group]map[string]key{Attribute: textKey(pattern|member, "name")},
		open:     map[Group]key{Tag: {Field{Group: Tag}, pattern, text}},
		order: map[string]Field{
			"name":                   attribute("name"),
			"timestamp":              attribute("last_updated_timestamp"),
			"last_updated_timestamp": attribute("last_updated_timestamp"),
		},
	}
}

func modelVersionGrammar() *grammar {
	return &grammar{
		prefixes: map[string]Group{"attribute": Attribute, "tag": Tag, "tags": Tag},
		closed: map[Group]map[string]key{Attribute: merge(
			textKey(pattern|member, "name", "run_id"),
			textKey(pattern, "source_path"),
			numberKey(integerText, "version_number"),
		)},
		open:  map[Group]key{Tag: {Field{Group: Tag}, pattern, text}},
		order: sortKeys("name", "version_number", "creation_timestamp", "last_updated_timestamp"),
	}
}

func loggedModelGrammar() *grammar {
	attributes := map[string]key{}
	order := map[string]Field{}
	for _, n := range []string{
		"name", "model_id", "model_type", "source_run_id", "status", "status_message",
		"experiment_id", "artifact_location", "lifecycle_stage",
	} {
		attributes[n] = key{attribute(n), pattern | member, anyText}
		order[n] = attribute(n)
	}
	for written, canon := range map[string]string{
		"creation_time": "creation_timestamp", "creation_timestamp": "creation_timestamp",
		"creation_timestamp_ms":     "creation_timestamp",
		"last_updated_timestamp":    "last_updated_timestamp",
		"last_updated_timestamp_ms": "last_updated_timestamp",
	} {
		attributes[written] = key{attribute(canon), ordered, number}
		order[written] = attribute(canon)
	}
	return &grammar{
		prefixes: map[string]Group{"attributes": Attribute, "metrics": Metric, "params": Param, "tags": Tag},
		closed:   map[Group]map[string]key{Attribute: attributes},
		open: map[Group]key{
			Metric: {Field{Group: Metric}, ordered, number},
			Param:  {Field{Group: Param}, pattern | member, anyText},
			Tag:    {Field{Group: Tag}, pattern | member, anyText},
		},
		order:    order,
		sortable: map[Group]bool{Metric: true},
	}
}

func traceGrammar() *grammar {
	attributes := merge(
		textKey(expression|member, "request_id", "status", "client_request_id"),
		textKey(expression|null, "name", "run_id"), // kept as a tag and as metadata
		numberKey(numberText, "timestamp_ms", "execution_time_ms", "end_time_ms"),
	)
	alias(attributes, "timestamp_ms", "timestamp")
	alias(attributes, "execution_time_ms", "execution_time")
	alias(attributes, "end_time_ms", "end_time")
	content := key{Field{Span, "content"}, set(Like, ILike), text}
	attributes["prompt"] = key{attribute("prompt"), set(Eq), promptRef}
	attributes["text"] = content
	spans := map[string]key{"content": content}
	// model and the others are columns of ours, which MLflow does not have.
	for _, n := range []string{"name", "type", "status", "model", "provider", "agent", "tool", "node", "error_type"} {
		spans[n] = key{Field{Span, n}, expression | member, text}
	}
	order := sortKeys("experiment_id", "status", "request_id", "name", "run_id",
		"timestamp_ms", "execution_time_ms", "end_time_ms")
	for _, n := range []string{"timestamp", "execution_time", "end_time"} {
		order[n] = attribute(n + "_ms")
	}
	assessed := ordered | set(Like, ILike, RLike) | null
	return &grammar{
		prefixes: map[string]Group{
			"attribute": Attribute, "attributes": Attribute, "trace": Attribute,
			"tag": Tag, "tags": Tag,
			"request_metadata": Metadata, "metadata": Metadata,
			"span": Span, "feedback": Feedback, "expectation": Expectation, "issue": Issue,
		},
		closed: map[Group]map[string]key{
			Attribute: attributes,
			Span:      spans,
			Issue:     {"id": {Field{Issue, "id"}, set(Eq), text}},
		},
		open: map[Group]key{
			Tag:         {Field{Group: Tag}, expression | null, text},
			Metadata:    {Field{Group: Metadata}, expression | null, text},
			Feedback:    {Field{Group: Feedback}, assessed, assessment},
			Expectation: {Field{Group: Expectation}, assessed, assessment},
		},
		order:    order,
		sortable: map[Group]bool{Tag: true, Metadata: true},
	}
}

func datasetGrammar() *grammar {
	return &grammar{
		prefixes: map[string]Group{"tags": Tag},
		closed: map[Group]map[string]key{Attribute: merge(
			textKey(pattern|set(In), "name"),
			textKey(pattern, "created_by", "last_updated_by"),
			numberKey(integer, "created_time", "last_update_time"),
		)},
		open:  map[Group]key{Tag: {Field{Group: Tag}, pattern, text}},
		order: sortKeys("name", "created_time", "last_update_time"),
	}
}

func issueGrammar() *grammar {
	return &grammar{
		prefixes: map[string]Group{},
		closed:   map[Group]map[string]key{Attribute: textKey(equality, "status", "source_run_id")},
		open:     map[Group]key{},
	}
}

// traceMetricGrammar is that of MLflow's query of trace metrics:
// trace.status, trace.tag.<key>, trace.metadata.<key>, span.name, …
func traceMetricGrammar() *grammar {
	keys := func(g Group, names ...string) map[string]key {
		m := map[string]key{}
		for _, n := range names {
			m[n] = key{Field{g, n}, set(Eq), text}
		}
		return m
	}
	return &grammar{
		prefixes: map[string]Group{"trace": Attribute, "span": Span, "assessment": Assessment},
		closed: map[Group]map[string]key{
			Attribute:  keys(Attribute, "status"),
			Span:       keys(Span, "name", "status", "type"),
			Assessment: keys(Assessment, "name", "type"),
		},
		open: map[Group]key{
			Tag:      {Field{Group: Tag}, set(Eq), text},
			Metadata: {Field{Group: Metadata}, set(Eq), text},
		},
	}
}

// spanAttribute is what span.attributes.<name> takes.
var spanAttribute = key{Field{Group: Span}, expression | member, text}

// names lists the keys of m for a message.
func names[V any](m map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}
