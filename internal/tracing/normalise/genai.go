package normalise

// genAIRules is OpenTelemetry's GenAI convention with the names it had
// before: usage.prompt_tokens until 1.27, gen_ai.system until 1.37,
// cache_creation until 1.41.
func genAIRules() []rule {
	return []rule{
		{key: "gen_ai.operation.name", field: fType, types: genAIType},
		{key: "gen_ai.response.model", field: fModel},
		{key: "gen_ai.request.model", field: fModel},
		{key: "gen_ai.provider.name", field: fProvider},
		{key: "gen_ai.system", field: fProvider},
		{key: "gen_ai.conversation.id", field: fSession},
		{key: "gen_ai.agent.name", field: fAgent},
		{key: "gen_ai.agent.id", field: fAgent},
		{key: "gen_ai.agent.version", field: fNone},
		{key: "gen_ai.tool.name", field: fTool},

		{key: "gen_ai.usage.input_tokens", field: fTokensIn},
		{key: "gen_ai.usage.prompt_tokens", field: fTokensIn},
		{key: "gen_ai.usage.output_tokens", field: fTokensOut},
		{key: "gen_ai.usage.completion_tokens", field: fTokensOut},
		{key: "gen_ai.usage.total_tokens", field: fTokensTotal},
		{key: "gen_ai.usage.cache_read.input_tokens", field: fCacheRead},
		{key: "gen_ai.usage.cache_read_input_tokens", field: fCacheRead},
		{key: "gen_ai.usage.cached_input_tokens", field: fCacheRead},
		{key: "gen_ai.usage.cache_write.input_tokens", field: fCacheWrite},
		{key: "gen_ai.usage.cache_creation.input_tokens", field: fCacheWrite},
		{key: "gen_ai.usage.cache_creation_input_tokens", field: fCacheWrite},
		{key: "gen_ai.usage.reasoning.output_tokens", field: fReasoning},
		{key: "gen_ai.usage.reasoning_tokens", field: fReasoning},
		{key: "gen_ai.usage.input_token_details", field: fInDetails},
		{key: "gen_ai.usage.output_token_details", field: fOutDetails},
		{key: "gen_ai.usage.cost", field: fCostTotal},

		{key: "gen_ai.input.messages", field: fInput},
		{key: "gen_ai.tool.call.arguments", field: fInput},
		{key: "gen_ai.retrieval.query.text", field: fInput},
		{key: "gen_ai.prompt", field: fInput},
		{key: "gen_ai.output.messages", field: fOutput},
		{key: "gen_ai.tool.call.result", field: fOutput},
		{key: "gen_ai.retrieval.documents", field: fOutput},
		{key: "gen_ai.completion", field: fOutput},

		{key: "gen_ai.data_source.id", field: fNone},
		{key: "gen_ai.tool.call.id", field: fNone},
		{key: "gen_ai.tool.definitions", field: fNone},
		{key: "gen_ai.system_instructions", field: fNone},
		{key: "gen_ai.workflow.name", field: fNone},
	}
}

func genAIType(operation string) string {
	switch operation {
	case "chat":
		return "CHAT_MODEL"
	case "generate_content", "text_completion", "response":
		return "LLM"
	case "embeddings", "embedding":
		return "EMBEDDING"
	case "retrieval":
		return "RETRIEVER"
	case "rerank":
		return "RERANKER"
	case "execute_tool":
		return "TOOL"
	case "create_agent", "invoke_agent":
		return "AGENT"
	case "invoke_workflow":
		return "WORKFLOW"
	case "plan":
		return "TASK"
	case "create_memory", "search_memory", "update_memory", "delete_memory", "upsert_memory",
		"create_memory_store", "delete_memory_store":
		return "MEMORY"
	case "evaluate":
		return "EVALUATOR"
	case "guardrail", "apply_guardrail":
		return "GUARDRAIL"
	case "chain": // LangSmith writes its run type here when no operation fits
		return "CHAIN"
	}
	return ""
}

// plainRules are keys of the general conventions, and of frameworks without
// a dialect of their own.
func plainRules() []rule {
	return []rule{
		{key: "error.type", field: fErrorType},
		{key: "session.id", field: fSession},
		{key: "langfuse.session.id", field: fSession},
		{key: "user.id", field: fUser},
		{key: "enduser.id", field: fUser},
		{key: "langfuse.user.id", field: fUser},
		{key: "operation.cost", field: fCostTotal}, // logfire, in dollars
		{key: "langgraph_node", field: fNode},
		{key: "langgraph.node", field: fNode},
		{key: "metadata", field: fMetadata},
	}
}
