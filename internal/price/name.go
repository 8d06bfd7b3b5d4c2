package price

import (
	"regexp"
	"strings"
)

// providers maps what clients, conventions and price lists call a provider to
// one name. What is not in it names no provider we know.
var providers = map[string]string{
	"aws.bedrock": "bedrock", "aws_bedrock": "bedrock", "amazon_bedrock": "bedrock", "bedrock_converse": "bedrock",
	"bedrock_mantle": "bedrock", "amazon bedrock": "bedrock", "aws": "bedrock", "bedrock-runtime": "bedrock",
	"azure.ai.openai": "azure", "az.ai.openai": "azure", "azure_openai": "azure", "azure_text": "azure", "azure-openai": "azure",
	"azure.ai.inference": "azure_ai", "az.ai.inference": "azure_ai", "azure_ai_inference": "azure_ai",
	"gcp.gemini": "gemini", "gcp.gen_ai": "gemini", "google": "gemini", "google_genai": "gemini", "google_ai_studio": "gemini",
	"google-genai": "gemini", "palm": "gemini",
	"gcp.vertex_ai": "vertex_ai", "vertexai": "vertex_ai", "google_vertexai": "vertex_ai", "google_anthropic_vertex": "vertex_ai",
	"google_vertex": "vertex_ai", "vertex": "vertex_ai",
	"text-completion-openai": "openai", "openai-chat": "openai", "openai_responses": "openai",
	"mistral_ai": "mistral", "mistralai": "mistral", "codestral": "mistral", "text-completion-codestral": "mistral",
	"cohere_chat": "cohere", "moonshot_ai": "moonshot", "amazon-bedrock": "bedrock", "amazon": "bedrock", "x_ai": "xai", "ibm.watsonx.ai": "watsonx", "fireworks": "fireworks_ai", "together": "together_ai",
	"togetherai": "together_ai", "fireworks_ai-embedding-models": "fireworks_ai",
}

// known are the providers that go by their own name.
var known = func() map[string]bool {
	m := map[string]bool{}
	for _, p := range strings.Fields(`openai anthropic bedrock azure azure_ai gemini vertex_ai mistral cohere groq deepseek xai
		perplexity watsonx fireworks_ai together_ai openrouter vercel_ai_gateway novita deepinfra oci replicate snowflake
		dashscope github_copilot cloudflare nebius ollama databricks moonshot lambda_ai sambanova gmi hyperbolic wandb scaleway
		llamagate ovhcloud voyage nscale gradient_ai zai anyscale volcengine ai21 libertai baseten tensormesh publicai cerebras
		crusoe gigachat minimax sagemaker pinstripes lemonade amazon_nova heroku meta_llama v0 nlp_cloud featherless_ai
		friendliai morph tencent darkbloom inception meta sarvam chatgpt`) {
		m[p] = true
	}
	return m
}()

// Provider returns the canonical name of a provider, and "" for one we do not
// know. Vertex AI's many price-list names ("vertex_ai-anthropic_models") are
// all vertex_ai.
func Provider(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	if p, ok := providers[name]; ok {
		return p
	}
	if strings.HasPrefix(name, "vertex_ai-") {
		return "vertex_ai"
	}
	if known[name] {
		return name
	}
	return ""
}

var (
	// us., eu., apac., global.: a cross-region inference profile of Bedrock.
	bedrockRegion = regexp.MustCompile(`^(us|eu|apac|ap|au|jp|ca|sa|me|af|us-gov|global)\.`)
	// anthropic.claude-…: only Bedrock writes a vendor and a dot.
	bedrockVendor = regexp.MustCompile(`^(amazon|anthropic|meta|mistral|cohere|ai21|deepseek|openai|qwen|writer|google|nvidia|moonshotai|moonshot|minimax|zai|stability|twelvelabs|luma)\.[a-z]`)
	// -v1:0, -v2, :0, :0:24k (a context length of Bedrock's)
	versionSuffix = regexp.MustCompile(`(-v\d+)?(:\d+(:\d+[km])?)?$`)
	firstVersion  = regexp.MustCompile(`(-v1)?(:\d+(:\d+[km])?)?$`)
	vertexSuffix  = regexp.MustCompile(`@[a-z0-9.-]*$`)
	// -20250929, -2024-08-06, -0613 (OpenAI's month and day), -latest
	dateSuffix = regexp.MustCompile(`-(20\d{2}-?[01]\d-?[0-3]\d|[01]\d[0-3]\d|latest)$`)
)

// split takes the provider out of a model's name where it is written there:
// "azure/gpt-4o", "openai:gpt-4o" of LangChain, a Bedrock id or ARN. The
// provider is "" when the name does not tell.
func split(model string) (provider, id string) {
	id = strings.ToLower(strings.TrimSpace(model))
	if strings.HasPrefix(id, "arn:") {
		return "bedrock", id[strings.LastIndexByte(id, '/')+1:]
	}
	if _, rest, ok := strings.Cut(id, "publishers/"); ok {
		if _, rest, ok = strings.Cut(rest, "/models/"); ok {
			return "vertex_ai", rest
		}
	}
	id = strings.TrimPrefix(id, "models/")
	for _, separator := range []string{"/", ":"} {
		if head, rest, ok := strings.Cut(id, separator); ok && rest != "" {
			if p := Provider(head); p != "" {
				provider, id = p, rest
				break
			}
		}
	}
	for _, route := range []string{"converse/", "invoke/", "responses/"} { // how to call, not what
		if provider != "" {
			id = strings.TrimPrefix(id, route)
		}
	}
	if provider == "" && bedrockVendor.MatchString(bedrockRegion.ReplaceAllString(id, "")) {
		provider = "bedrock"
	}
	return provider, id
}

// forms lists the names a model may be priced under, the most exact first. A
// version other than the first stays: it may well cost something else.
func forms(id string) []string {
	list := []string{id}
	for _, suffix := range []*regexp.Regexp{bedrockRegion, vertexSuffix, firstVersion, dateSuffix} {
		if id = suffix.ReplaceAllString(id, ""); id != "" && id != list[len(list)-1] {
			list = append(list, id)
		}
	}
	return list
}

// stem is the name of a listed model without version and date.
func stem(id string) string {
	for _, suffix := range []*regexp.Regexp{vertexSuffix, versionSuffix, dateSuffix} {
		if s := suffix.ReplaceAllString(id, ""); s != "" {
			id = s
		}
	}
	return id
}
