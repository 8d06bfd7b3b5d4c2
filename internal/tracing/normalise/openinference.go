package normalise

// openInferenceRules is Arize's OpenInference convention. Its lists are
// flattened into indexed keys, which indexed.go puts together again.
func openInferenceRules() []rule {
	return []rule{
		{key: "openinference.span.kind", field: fType, types: openInferenceType},
		{key: "llm.response.model_name", field: fModel},
		{key: "llm.model_name", field: fModel},
		{key: "llm.request.model_name", field: fModel},
		{key: "embedding.model_name", field: fModel},
		{key: "reranker.model_name", field: fModel},
		{key: "llm.provider", field: fProvider},
		{key: "llm.system", field: fProvider},
		{key: "agent.name", field: fAgent},
		{key: "tool.name", field: fTool},
		{key: "graph.node.name", field: fNode},
		{key: "graph.node.id", field: fNode},

		{key: "llm.token_count.prompt", field: fTokensIn},
		{key: "llm.token_count.completion", field: fTokensOut},
		{key: "llm.token_count.total", field: fTokensTotal},
		{key: "llm.token_count.prompt_details.cache_read", field: fCacheRead},
		{key: "llm.token_count.prompt_details.cache_write", field: fCacheWrite},
		{key: "llm.token_count.completion_details.reasoning", field: fReasoning},
		{key: "llm.cost.prompt", field: fCostIn},
		{key: "llm.cost.completion", field: fCostOut},
		{key: "llm.cost.total", field: fCostTotal},

		{key: "input.value", field: fInput},
		{key: "reranker.query", field: fInput},
		{key: "tool.parameters", field: fInput},
		{key: "output.value", field: fOutput},

		{key: "input.mime_type", field: fNone},
		{key: "output.mime_type", field: fNone},
		{key: "llm.invocation_parameters", field: fNone},
	}
}

func openInferenceType(kind string) string {
	switch kind {
	case "LLM", "EMBEDDING", "CHAIN", "RETRIEVER", "RERANKER", "TOOL", "AGENT", "GUARDRAIL", "EVALUATOR", "PROMPT":
		return kind
	}
	return ""
}
