package normalise

import "strings"

// openLLMetryRules is Traceloop's OpenLLMetry: gen_ai attributes (messages
// indexed, see indexed.go), its own llm.* ones, and traceloop.* for the
// decorators.
func openLLMetryRules() []rule {
	return []rule{
		{key: "traceloop.span.kind", field: fType, types: traceloopType},
		{key: "llm.request.type", field: fType, types: traceloopType},
		{key: "traceloop.entity.name", field: fEntity},
		{key: "traceloop.entity.input", field: fInput},
		{key: "traceloop.entity.output", field: fOutput},
		{key: "traceloop.association.properties.session_id", field: fSession},
		{key: "traceloop.association.properties.thread_id", field: fSession},
		{key: "traceloop.association.properties.conversation_id", field: fSession},
		{key: "traceloop.association.properties.user_id", field: fUser},
		{key: "traceloop.association.properties.langgraph_node", field: fNode},
		{key: "traceloop.association.properties.ls_model_name", field: fModel},
		{key: "llm.usage.total_tokens", field: fTokensTotal},
		{key: "llm.usage.prompt_tokens", field: fTokensIn},
		{key: "llm.usage.completion_tokens", field: fTokensOut},
		{key: "llm.usage.reasoning_tokens", field: fReasoning},
		{key: "llm.usage.cache_read_input_tokens", field: fCacheRead},
		{key: "llm.usage.cache_creation_input_tokens", field: fCacheWrite},

		{key: "traceloop.workflow.name", field: fNone},
		{key: "traceloop.entity.path", field: fNone},
		{key: "llm.is_streaming", field: fNone},
		{key: "llm.headers", field: fNone},
		{key: "llm.request.functions", field: fNone},
	}
}

func traceloopType(kind string) string {
	switch strings.ToLower(kind) {
	case "workflow":
		return "WORKFLOW"
	case "task":
		return "TASK"
	case "agent":
		return "AGENT"
	case "tool":
		return "TOOL"
	case "chat":
		return "CHAT_MODEL"
	case "completion":
		return "LLM"
	case "embedding":
		return "EMBEDDING"
	case "rerank":
		return "RERANKER"
	}
	return ""
}
