package normalise

// langSmithRules is what the LangSmith SDK exports with
// LANGSMITH_OTEL_ENABLED: gen_ai attributes, which it also fills for runs
// that are no model calls, and langsmith.* ones. Its trace.session_id names
// the project, not a conversation, and is not read.
func langSmithRules() []rule {
	return []rule{
		{key: "langsmith.span.kind", field: fType, types: langSmithType},
		{key: "langsmith.metadata.ls_model_name", field: fModel},
		{key: "langsmith.metadata.ls_provider", field: fProvider},
		{key: "langsmith.metadata.session_id", field: fSession},
		{key: "langsmith.metadata.thread_id", field: fSession},
		{key: "langsmith.metadata.conversation_id", field: fSession},
		{key: "langsmith.metadata.user_id", field: fUser},
		{key: "langsmith.metadata.langgraph_node", field: fNode},
		{key: "langsmith.metadata.lc_agent_name", field: fAgent},
		{key: "langsmith.metadata.usage_metadata", field: fUsage},
		{key: "langsmith.usage_metadata", field: fUsage},

		{key: "langsmith.trace.name", field: fNone},
		{key: "langsmith.trace.session_id", field: fNone},
		{key: "langsmith.trace.session_name", field: fNone},
		{key: "langsmith.span.tags", field: fNone},
		{key: "langsmith.request.streaming", field: fNone},
	}
}

func langSmithType(kind string) string {
	switch kind {
	case "llm":
		return "CHAT_MODEL"
	case "chain":
		return "CHAIN"
	case "tool":
		return "TOOL"
	case "retriever":
		return "RETRIEVER"
	case "embedding":
		return "EMBEDDING"
	case "parser":
		return "PARSER"
	case "prompt":
		return "PROMPT"
	}
	return ""
}
