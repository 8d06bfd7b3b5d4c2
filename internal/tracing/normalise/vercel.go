package normalise

import "strings"

// vercelRules is the telemetry of the Vercel AI SDK, versions 4 to 6.
func vercelRules() []rule {
	return []rule{
		{key: "ai.operationId", field: fType, types: vercelType},
		{key: "ai.response.model", field: fModel},
		{key: "ai.model.id", field: fModel},
		{key: "ai.model.provider", field: fProvider},
		{key: "ai.telemetry.metadata.sessionId", field: fSession},
		{key: "ai.telemetry.metadata.session_id", field: fSession},
		{key: "ai.telemetry.metadata.threadId", field: fSession},
		{key: "ai.telemetry.metadata.chatId", field: fSession},
		{key: "ai.telemetry.metadata.userId", field: fUser},
		{key: "ai.telemetry.metadata.user_id", field: fUser},
		{key: "ai.telemetry.metadata.agentName", field: fAgent},
		{key: "ai.toolCall.name", field: fTool},

		{key: "ai.usage.inputTokens", field: fTokensIn},
		{key: "ai.usage.promptTokens", field: fTokensIn},
		{key: "ai.usage.tokens", field: fTokensIn},
		{key: "ai.usage.outputTokens", field: fTokensOut},
		{key: "ai.usage.completionTokens", field: fTokensOut},
		{key: "ai.usage.totalTokens", field: fTokensTotal},
		{key: "ai.usage.inputTokenDetails.cacheReadTokens", field: fCacheRead},
		{key: "ai.usage.cachedInputTokens", field: fCacheRead},
		{key: "ai.usage.inputTokenDetails.cacheWriteTokens", field: fCacheWrite},
		{key: "ai.usage.inputTokenDetails.noCacheTokens", field: fNoCache},
		{key: "ai.usage.outputTokenDetails.reasoningTokens", field: fReasoning},
		{key: "ai.usage.reasoningTokens", field: fReasoning},
		{key: "ai.response.providerMetadata", field: fVendor},

		{key: "ai.prompt.messages", field: fInput},
		{key: "ai.prompt", field: fInput},
		{key: "ai.toolCall.args", field: fInput},
		{key: "ai.value", field: fInput},
		{key: "ai.values", field: fInput},
		{key: "ai.documents", field: fInput},
		{key: "ai.response.text", field: fOutput},
		{key: "ai.result.text", field: fOutput},
		{key: "ai.response.object", field: fOutput},
		{key: "ai.result.object", field: fOutput},
		{key: "ai.response.toolCalls", field: fOutput},
		{key: "ai.result.toolCalls", field: fOutput},
		{key: "ai.toolCall.result", field: fOutput},
		{key: "ai.ranking", field: fOutput},

		{key: "ai.telemetry.functionId", field: fNone},
		{key: "ai.toolCall.id", field: fNone},
	}
}

func vercelType(operation string) string {
	switch base, _, _ := strings.Cut(strings.TrimPrefix(operation, "ai."), "."); base {
	case "generateText", "streamText", "generateObject", "streamObject":
		return "LLM"
	case "embed", "embedMany":
		return "EMBEDDING"
	case "rerank":
		return "RERANKER"
	case "toolCall":
		return "TOOL"
	case "agent", "toolLoopAgent":
		return "AGENT"
	}
	return ""
}

// outerCall reports a Vercel span that sums the calls below it:
// ai.generateText around ai.generateText.doGenerate.
func (f *facts) outerCall() bool {
	if f.dialect != vercel {
		return false
	}
	op, ok := strings.CutPrefix(f.text(fType), "ai.")
	return ok && !strings.Contains(op, ".do") && op != "toolCall" && vercelType("ai."+op) != ""
}
