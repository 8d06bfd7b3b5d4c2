// Package normalise derives the canonical columns of a span from whatever
// convention its instrumentation speaks: OpenTelemetry GenAI (today's names
// and the deprecated ones), OpenInference, MLflow, OpenLLMetry, LangSmith and
// the Vercel AI SDK.
//
// Each dialect is a table of rules, attribute key to field, in a file of its
// own. One pass over a span's attributes keeps, for every field, the value of
// the best rule that matched; what a table cannot say (usage objects, indexed
// messages, which token counts include which) is settled afterwards. Nothing
// here fails: what cannot be read stays unknown, and the span's raw form is
// kept elsewhere, so that a later [Version] can be run over old spans.
package normalise

import (
	"strings"

	"github.com/assayhq/assay/internal/trace"
)

// Version of the rules. It rises whenever the same span would get different
// columns, and is stored with them.
const Version = 2

// Normaliser holds the compiled rules. It is safe for concurrent use.
type Normaliser struct {
	rules map[string]rule
}

// New compiles the rules.
func New() *Normaliser {
	n := &Normaliser{rules: make(map[string]rule, 256)}
	for base, table := range tables() {
		var position [fieldCount]uint8
		for _, r := range table {
			if _, taken := n.rules[r.key]; taken {
				continue // the dialect before this one owns the key
			}
			r.dialect = dialect(base)
			r.rank = uint8(base)*32 + position[r.field]
			position[r.field]++
			n.rules[r.key] = r
		}
	}
	return n
}

// tables lists the dialects, the most specific first: most of them repeat
// some gen_ai attributes beside their own.
func tables() [][]rule {
	return [][]rule{
		mlflow:        mlflowRules(),
		openInference: openInferenceRules(),
		vercel:        vercelRules(),
		langSmith:     langSmithRules(),
		openLLMetry:   openLLMetryRules(),
		genAI:         genAIRules(),
		plain:         plainRules(),
	}
}

type dialect uint8

const (
	mlflow dialect = iota
	openInference
	vercel
	langSmith
	openLLMetry
	genAI
	plain // keys that several dialects or none of them use
)

var dialectNames = [...]string{"mlflow", "openinference", "vercel", "langsmith", "openllmetry", "gen_ai", ""}

// A field is what a rule fills.
type field uint8

const (
	fNone field = iota // tells the dialect and nothing else
	fType
	fModel
	fProvider
	fSession
	fUser
	fAgent
	fTool
	fNode
	fErrorType
	fInput
	fOutput
	fTokensIn
	fTokensOut
	fTokensTotal
	fCacheRead
	fCacheWrite
	fReasoning
	fNoCache // input tokens that missed the cache: proof that input includes the rest
	fCostIn
	fCostOut
	fCostTotal
	fUsage      // an object of token counts, and perhaps costs
	fInDetails  // an object that splits the input tokens
	fOutDetails // an object that splits the output tokens
	fCost       // an object of costs in US dollars
	fMetadata   // an object with session, user and node among its keys
	fEntity     // OpenLLMetry's name of a workflow, task, agent or tool
	fVendor     // what a provider reports besides
	fieldCount
)

// rule says which field a key fills, and how a span type is spelled there.
type rule struct {
	key     string
	field   field
	types   func(string) string // for fType: the dialect's word to MLflow's
	dialect dialect
	rank    uint8 // lower wins
}

// facts is what one pass over the attributes has gathered.
type facts struct {
	span    *trace.Span
	dialect dialect
	value   [fieldCount]*trace.Value
	rank    [fieldCount]uint8
	types   func(string) string
	flat    flattened
}

// Apply fills s.Columns from s.Attrs, s.Events and s.Name. Cost is what the
// span reports; computing it from a price table is left to the caller.
func (n *Normaliser) Apply(s *trace.Span) {
	f := facts{span: s, dialect: plain}
	for i := range s.Attrs {
		a := &s.Attrs[i]
		r, ok := n.rules[a.Key]
		if !ok {
			f.indexed(a.Key)
			continue
		}
		f.dialect = min(f.dialect, r.dialect)
		// Of a repeated key the last value counts, hence <=.
		if a.Value.Kind != trace.Null && (f.value[r.field] == nil || r.rank <= f.rank[r.field]) {
			f.value[r.field], f.rank[r.field] = &a.Value, r.rank
			if r.field == fType {
				f.types = r.types
			}
		}
	}
	n.fromEvents(&f)
	c := &s.Columns
	*c = trace.Columns{Version: Version, Tokens: trace.NoTokens, Cost: trace.NoCost}
	f.fill(c)
}

// fromEvents lets the event that carries the details of a call stand in for
// attributes the span itself lacks.
func (n *Normaliser) fromEvents(f *facts) {
	for i := range f.span.Events {
		e := &f.span.Events[i]
		if !strings.HasPrefix(e.Name, "gen_ai.") {
			continue
		}
		f.dialect = min(f.dialect, genAI)
		if e.Name != "gen_ai.client.inference.operation.details" {
			continue
		}
		for j := range e.Attrs {
			a := &e.Attrs[j]
			r, ok := n.rules[a.Key]
			if !ok || a.Value.Kind == trace.Null || f.value[r.field] != nil && f.rank[r.field] <= r.rank {
				continue
			}
			f.value[r.field], f.rank[r.field] = &a.Value, r.rank
			if r.field == fType {
				f.types = r.types
			}
		}
	}
}

func (f *facts) fill(c *trace.Columns) {
	c.Dialect = dialectNames[f.dialect]
	c.Model = f.text(fModel)
	c.Provider = provider(f.text(fProvider))
	c.Session, c.User = f.text(fSession), f.text(fUser)
	c.Agent, c.Tool, c.Node = f.text(fAgent), f.text(fTool), f.text(fNode)
	if f.types != nil {
		c.Type = f.types(f.text(fType))
	}
	f.metadata(c)
	f.tokens(&c.Tokens, c.Provider)
	f.cost(&c.Cost)
	f.payloads(c)
	f.infer(c)
	c.ErrorType = f.failure()
	if c.Type == "TOOL" && c.Tool != "" && c.Input != "" {
		c.InputHash = fingerprint(c.Tool, c.Input)
	}
	c.Aggregate = c.Tokens != trace.NoTokens && (!isCall(c.Type) || f.outerCall())
}

// infer fills what the dialect leaves to the reader.
func (f *facts) infer(c *trace.Columns) {
	if c.Type == "" || c.Type == "UNKNOWN" {
		switch {
		case c.Tool != "":
			c.Type = "TOOL"
		case c.Model != "" && (c.Tokens != trace.NoTokens || f.dialect != plain):
			c.Type = "LLM"
		case f.flat.documents:
			c.Type = "RETRIEVER"
		}
	}
	switch c.Type {
	case "AGENT":
		if c.Agent == "" {
			c.Agent = firstNonEmpty(f.text(fEntity), operand(f.span.Name))
		}
	case "TOOL":
		if c.Tool == "" {
			c.Tool = firstNonEmpty(f.text(fEntity), operand(f.span.Name))
		}
	}
	if c.Model == "" && isCall(c.Type) {
		c.Model = modelOf(c.Input)
	}
}

// operand strips the operation from a GenAI span name: "execute_tool add" is
// about the tool add.
func operand(name string) string {
	for _, op := range [...]string{"execute_tool ", "invoke_agent ", "create_agent "} {
		if rest, ok := strings.CutPrefix(name, op); ok {
			return rest
		}
	}
	return name
}

// isCall reports whether a span of this type is one call of a model, so that
// its usage is its own and not a sum over its descendants.
func isCall(kind string) bool {
	switch kind {
	case "LLM", "CHAT_MODEL", "EMBEDDING", "RERANKER":
		return true
	}
	return false
}

func firstNonEmpty(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// metadata reads the keys that frameworks put into one object.
func (f *facts) metadata(c *trace.Columns) {
	v := f.value[fMetadata]
	if v == nil {
		return
	}
	for key, raw := range members(v) {
		switch key {
		case "langgraph_node":
			setText(&c.Node, raw)
		case "thread_id", "session_id", "conversation_id", "sessionId", "threadId":
			setText(&c.Session, raw)
		case "user_id", "userId":
			setText(&c.User, raw)
		case "ls_model_name":
			setText(&c.Model, raw)
		case "ls_provider":
			if c.Provider == "" {
				c.Provider = provider(scalar(raw))
			}
		case "lc_agent_name", "agent_name":
			setText(&c.Agent, raw)
		}
	}
}

func setText(dst *string, raw string) {
	if *dst == "" {
		*dst = scalar(raw)
	}
}

// text returns the field as plain text: a string that is itself a JSON
// string, as MLflow sends them, loses its quotes.
func (f *facts) text(at field) string {
	v := f.value[at]
	if v == nil {
		return ""
	}
	if v.Kind == trace.String {
		return unquote(v.Str)
	}
	return v.Text()
}
