package normalise

import (
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/trace"
)

// flattened tells which lists a span carries as indexed attributes, such as
// llm.input_messages.0.message.role. They are only put together when asked.
type flattened struct {
	input, output string // prefix, with its final dot
	documents     bool   // the output is a list of documents
}

// The prefixes of flattened lists, by what they hold.
const (
	genAIPrompt      = "gen_ai.prompt."
	genAICompletion  = "gen_ai.completion."
	oiInputMessages  = "llm.input_messages."
	oiOutputMessages = "llm.output_messages."
	oiPrompts        = "llm.prompts."
	oiChoices        = "llm.choices."
	oiDocuments      = "retrieval.documents."
	oiReranked       = "reranker.output_documents."
	oiEmbeddings     = "embedding.embeddings."
)

// indexed notes the key of an attribute no rule knows.
func (f *facts) indexed(key string) {
	switch {
	case strings.HasPrefix(key, "gen_ai."):
		f.dialect = min(f.dialect, genAI)
		switch {
		case strings.HasPrefix(key, genAIPrompt):
			f.flat.input = genAIPrompt
			f.dialect = min(f.dialect, openLLMetry)
		case strings.HasPrefix(key, genAICompletion):
			f.flat.output = genAICompletion
			f.dialect = min(f.dialect, openLLMetry)
		}
	case strings.HasPrefix(key, oiInputMessages):
		f.openInference(&f.flat.input, oiInputMessages)
	case strings.HasPrefix(key, oiOutputMessages):
		f.openInference(&f.flat.output, oiOutputMessages)
	case strings.HasPrefix(key, oiPrompts):
		f.openInference(&f.flat.input, oiPrompts)
	case strings.HasPrefix(key, oiChoices):
		f.openInference(&f.flat.output, oiChoices)
	case strings.HasPrefix(key, oiDocuments):
		f.openInference(&f.flat.output, oiDocuments)
		f.flat.documents = true
	case strings.HasPrefix(key, oiReranked):
		f.openInference(&f.flat.output, oiReranked)
	case strings.HasPrefix(key, oiEmbeddings):
		f.openInference(&f.flat.input, oiEmbeddings)
	case strings.HasPrefix(key, "mlflow."):
		f.dialect = min(f.dialect, mlflow)
	case strings.HasPrefix(key, "langsmith."):
		f.dialect = min(f.dialect, langSmith)
	case strings.HasPrefix(key, "traceloop."):
		f.dialect = min(f.dialect, openLLMetry)
	case strings.HasPrefix(key, "ai.settings."), strings.HasPrefix(key, "ai.request."), strings.HasPrefix(key, "ai.response."):
		f.dialect = min(f.dialect, vercel)
	}
}

func (f *facts) openInference(prefix *string, to string) {
	*prefix = to
	f.dialect = min(f.dialect, openInference)
}

// node is a list or a map under construction. Children are found by map, so
// that a span of a hundred thousand indexed keys costs no more than its size.
type node struct {
	value    *trace.Value
	children map[string]*node
	order    []string
}

// maxFlatDepth bounds the dots of a key that are taken for nesting.
const maxFlatDepth = 12

// unflatten puts together the list whose attributes begin with prefix. Keys
// in wrappers ("message", "tool_call", "document") are left out of the result:
// OpenInference wraps each element of a list in one.
func unflatten(attrs []trace.Attr, prefix string) trace.Value {
	root := &node{}
	for i := range attrs {
		path, ok := strings.CutPrefix(attrs[i].Key, prefix)
		if !ok {
			continue
		}
		at := root
		for depth := 0; ; depth++ {
			part, rest, more := path, "", false
			if depth < maxFlatDepth {
				part, rest, more = strings.Cut(path, ".")
			}
			at = at.child(part)
			if !more {
				break
			}
			path = rest
		}
		at.value = &attrs[i].Value
	}
	return root.build()
}

func (n *node) child(key string) *node {
	if c, ok := n.children[key]; ok {
		return c
	}
	if n.children == nil {
		n.children = map[string]*node{}
	}
	c := &node{}
	n.children[key] = c
	n.order = append(n.order, key)
	return c
}

func (n *node) build() trace.Value {
	if len(n.children) == 0 {
		if n.value == nil {
			return trace.Value{}
		}
		return *n.value
	}
	if list, ok := n.list(); ok {
		return list
	}
	if len(n.order) == 1 && isWrapper(n.order[0]) {
		return n.children[n.order[0]].build()
	}
	v := trace.Value{Kind: trace.Map, Map: make([]trace.Attr, 0, len(n.order))}
	for _, key := range n.order {
		v.Map = append(v.Map, trace.Attr{Key: key, Value: n.children[key].build()})
	}
	return v
}

// list builds a node all of whose keys are indices, in their order; gaps are
// closed.
func (n *node) list() (trace.Value, bool) {
	type item struct {
		index int
		key   string
	}
	items := make([]item, 0, len(n.order))
	for _, key := range n.order {
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 {
			return trace.Value{}, false
		}
		items = append(items, item{i, key})
	}
	slices.SortStableFunc(items, func(a, b item) int { return a.index - b.index })
	v := trace.Value{Kind: trace.List, List: make([]trace.Value, 0, len(items))}
	for _, it := range items {
		v.List = append(v.List, n.children[it.key].build())
	}
	return v, true
}

func isWrapper(key string) bool {
	switch key {
	case "message", "tool_call", "message_content", "document", "embedding", "prompt", "completion":
		return true
	}
	return false
}
