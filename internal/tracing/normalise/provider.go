package normalise

import "strings"

// provider gives the well-known OpenTelemetry name of a model provider, so
// that the same vendor is one vendor whichever instrumentation named it.
func provider(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	if known := wellKnown(name); known != "" {
		return known
	}
	// The Vercel SDK appends the API: openai.responses, anthropic.messages.
	for vendor := name; ; {
		dot := strings.LastIndexByte(vendor, '.')
		if dot < 0 {
			break
		}
		vendor = vendor[:dot]
		if known := wellKnown(vendor); known != "" {
			return known
		}
	}
	switch name {
	case "langchain", "langgraph", "unknown": // frameworks, not vendors
		return ""
	}
	return name
}

func wellKnown(name string) string {
	switch name {
	case "openai", "openai-chat", "openai_chat":
		return "openai"
	case "anthropic", "anthropic-chat", "claude":
		return "anthropic"
	case "aws.bedrock", "bedrock", "aws_bedrock", "amazon_bedrock", "amazon-bedrock", "amazon bedrock", "aws", "bedrock_converse", "amazon":
		return "aws.bedrock"
	case "azure.ai.openai", "az.ai.openai", "azure_openai", "azure-openai", "azure openai", "azure":
		return "azure.ai.openai"
	case "azure.ai.inference", "az.ai.inference", "azure_ai":
		return "azure.ai.inference"
	case "gcp.gemini", "gemini", "google_genai", "google-genai", "google", "google.generative-ai", "google_generative_ai", "google ai studio":
		return "gcp.gemini"
	case "gcp.vertex_ai", "vertex_ai", "vertexai", "vertex", "google_vertexai", "google.vertex", "google_vertex", "google-vertex":
		return "gcp.vertex_ai"
	case "gcp.gen_ai":
		return "gcp.gen_ai"
	case "mistral_ai", "mistralai", "mistral":
		return "mistral_ai"
	case "x_ai", "xai", "grok":
		return "x_ai"
	case "ibm.watsonx.ai", "watsonx", "ibm":
		return "ibm.watsonx.ai"
	case "cohere", "deepseek", "groq", "perplexity", "ollama", "moonshot_ai", "huggingface":
		return name
	}
	return ""
}
