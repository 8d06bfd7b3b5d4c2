// Package filter parses the SQL-like filter and order_by strings of MLflow's
// search calls, for every entity that has one.
//
// The grammar is deliberately small: comparisons joined by AND, nothing else.
//
//	filter     = [ comparison { [ "AND" ] comparison } ]
//	comparison = identifier ( "IS" [ "NOT" ] "NULL" | operator value )
//	identifier = [ prefix "." ] key
//	value      = string | number | "(" string { "," string } ")"
//
// What a prefix and a key may be, which operators a key takes and what kind
// of value it is compared with differs per entity; grammar.go is that table.
// The accepted language is that of the server in mlflow 3.17.2, and
// testdata/golden.json holds that server's own answers.
//
// Quoting follows what its clients rely on: a string stands in single or
// double quotes, a key may stand in backticks or quotes, and the text between
// the quotes is taken as it is, without unescaping: a doubled or backslashed
// quote does not end the string and stays in it. Only the strings of an IN
// list are unescaped, because there MLflow reads Python literals.
//
// Where this differs, MLflow's parser trips over itself:
//
//   - Keywords (LIKE, IN, AND, …) are case-insensitive for every entity.
//   - A key in quotes is unquoted for every entity, a value in double quotes
//     too.
//   - In trace filters tags.name is the tag "name", not the trace's name; so
//     for every group but attributes, and an issue has no name.
//   - A bare key may be an SQL keyword (tags.in), a number may have an exponent
//     with a plus sign, and span attributes may be compared with a list.
//   - An identifier holds no space and no *, and a list belongs to IN.
//   - A numeric attribute is compared with a number, and the text attributes
//     of datasets neither with < nor by RLIKE.
//   - A span has the keys model, provider, agent, tool and node besides MLflow's.
//   - What MLflow answers with an internal error is an invalid parameter here,
//     a bad regular expression included.
package filter

import (
	"strconv"
	"strings"
)

// Limits of a filter; more is refused with [fault.Invalid].
const (
	MaxLength  = 64 << 10 // bytes of a filter or of one order_by entry
	MaxClauses = 200      // comparisons in a filter
	MaxList    = 1000     // strings in an IN list
	MaxOrders  = 100      // entries of order_by
	maxRegexp  = 1000     // bytes of an RLIKE pattern
)

// Entity is what is searched for.
type Entity uint8

// The entities that have a search call. Prompts are registered models.
const (
	Runs Entity = iota
	Experiments
	RegisteredModels
	ModelVersions
	LoggedModels
	Traces
	Datasets // evaluation datasets
	Issues
	Prompts
	TraceMetrics // one "=" comparison that narrows a metrics query over traces
)

var entityNames = [...]string{
	"runs", "experiments", "registered models", "model versions", "logged models",
	"traces", "datasets", "issues", "prompts", "trace metrics",
}

func (e Entity) String() string {
	if int(e) < len(entityNames) {
		return entityNames[e]
	}
	return "entity(" + strconv.Itoa(int(e)) + ")"
}

// Group is the namespace of a key. The prefix a client wrote (metrics, param,
// attr, …) is resolved to it.
type Group uint8

// Groups. Attribute, Dataset, Span and Issue have a closed list of keys (but
// for Span's "attributes.…"); in the others a key is the user's own name.
const (
	Attribute Group = iota
	Metric
	Param
	Tag
	Dataset     // the input dataset of a run: name, digest, context
	Span        // name, type, status, content, attributes.<key>
	Feedback    // assessment of that name made by a judge, code or person
	Expectation // assessment of that name holding a ground truth
	Metadata    // request metadata of a trace
	Issue       // id of an issue linked to a trace
	Assessment  // name or type of an assessment, in trace metrics
)

var groupNames = [...]string{
	"attribute", "metric", "param", "tag", "dataset", "span", "feedback",
	"expectation", "metadata", "issue", "assessment",
}

func (g Group) String() string {
	if int(g) < len(groupNames) {
		return groupNames[g]
	}
	return "group(" + strconv.Itoa(int(g)) + ")"
}

// Field is one thing a filter compares or an order sorts by. Keys are
// canonical: "created" of a run is "start_time", "timestamp" of a trace is
// "timestamp_ms", its "text" is {Span, "content"}, its tag mlflow.traceName is
// {Attribute, "name"} and its metadata mlflow.sourceRun is {Attribute,
// "run_id"}. For a span attribute the key is "attributes." and its name,
// unquoted; see [Field.SpanAttribute].
type Field struct {
	Group Group
	Key   string
}

func (f Field) String() string { return f.Group.String() + "." + f.Key }

// SpanAttribute returns the name of the span attribute f stands for.
func (f Field) SpanAttribute() (name string, ok bool) {
	if f.Group != Span {
		return "", false
	}
	return strings.CutPrefix(f.Key, spanAttributePrefix)
}

// Op is a comparison operator.
type Op uint8

// Operators. Like is case-sensitive, ILike is not; RLike searches for an RE2
// regular expression anywhere in the text. In and NotIn take a list, IsNull
// and IsNotNull no value.
const (
	Eq Op = iota
	Ne
	Lt
	Le
	Gt
	Ge
	Like
	ILike
	RLike
	In
	NotIn
	IsNull
	IsNotNull
)

var opNames = [...]string{
	"=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "RLIKE", "IN", "NOT IN",
	"IS NULL", "IS NOT NULL",
}

func (o Op) String() string {
	if int(o) < len(opNames) {
		return opNames[o]
	}
	return "op(" + strconv.Itoa(int(o)) + ")"
}

// ValueKind says which fields of a [Value] are meaningful.
type ValueKind uint8

// Kinds of value. Which one a clause has follows from its field and operator:
// a list for In and NotIn, none for IsNull and IsNotNull, else a number for
// metrics, numeric attributes and ordered comparisons of assessments, else a
// string.
const (
	Null   ValueKind = iota
	String           // Str
	Number           // Num, and Int when IsInt
	List             // List, never empty
)

// Value is the right side of a comparison.
type Value struct {
	Kind  ValueKind
	Str   string
	Num   float64 // ±Inf when the number is beyond a float64
	Int   int64   // the exact value when IsInt
	IsInt bool    // written without fraction or exponent and within int64
	List  []string
}

// Clause is one comparison.
type Clause struct {
	Field Field
	Op    Op
	Value Value
	Pos   int // byte offset in the filter where the clause begins
}

// Expr is a parsed filter: all clauses must hold. An empty one matches
// everything.
type Expr []Clause

// Order is one key of a sort. Missing values sort last in either direction.
type Order struct {
	Field Field
	Desc  bool
}
