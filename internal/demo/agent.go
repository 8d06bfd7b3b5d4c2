package demo

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// quotes is the tool's whole data store, in US dollars.
var quotes = map[string]float64{
	"AMZN": 226.70, "AAPL": 244.99, "MSFT": 418.20, "NVDA": 139.85, "GOOG": 191.10, "KO": 62.35, "JPM": 241.05, "XOM": 108.60,
}

// question is one line of the golden set and what a right agent does with it.
type question struct {
	Text     string
	Symbols  []string // tool calls, in order; a wrong symbol fails and is retried
	Answer   string
	OffTopic bool
}

const decline = "I can only help with finance: markets, prices, investing. Is there a stock you would like to know about?"

var golden = []question{
	{"What does one share of Amazon (AMZN) cost right now?", []string{"AMZN"}, "One share of Amazon (AMZN) costs $226.70.", false},
	{"Which city is the capital of Canada?", nil, decline, true},
	{"How much would ten shares of AMZN cost me?", []string{"AMZN"}, "Ten shares of AMZN at $226.70 come to $2,267.00.", false},
	{"Compare the prices of Amazon and Apple.", []string{"AMZN", "AAPL"}, "AMZN trades at $226.70 and AAPL at $244.99; Apple is $18.29 dearer.", false},
	{"Name the largest planet of the solar system.", nil, decline, true},
}

// traffic is what people ask in production, errors included.
var traffic = []question{
	{"Price of Nvidia?", []string{"NVDA"}, "NVDA trades at $139.85.", false},
	{"ist die Apple-Aktie heute teurer als Microsoft?", []string{"AAPL", "MSFT"}, "Nein: AAPL steht bei $244.99, MSFT bei $418.20.", false},
	{"コカ・コーラの株価はいくらですか?", []string{"KO"}, "KO の株価は $62.35 です。", false},
	{"What is AMZ worth?", []string{"AMZ", "AMZN"}, "There is no symbol AMZ; AMZN (Amazon) costs $226.70.", false},
	{"5 shares of JPM and 5 of XOM, total?", []string{"JPM", "XOM"}, "5 × $241.05 + 5 × $108.60 = $1,748.25.", false},
	{"Write me a poem about the sea.", nil, decline, true},
	{"How much is Alphabet?", []string{"GOOG"}, "GOOG trades at $191.10.", false},
	{"ما هو سعر سهم مايكروسوفت؟", []string{"MSFT"}, "سعر سهم MSFT هو $418.20.", false},
}

// setting is what a run varies.
type setting struct {
	Model, Provider string
	Temperature     float64
	PromptVersion   int
	Latency         time.Duration // of one model call, before jitter
	Skill           float64       // chance of a right answer
}

// step is one span before it is written. Times are relative to the trace.
type step struct {
	id, parent   int
	name         string
	kind         string // MLflow span type
	start, end   time.Duration
	attrs        object
	failed       string // error message; "" is OK
	exceptionTyp string
}

// run of the agent on one question: what happened, as spans.
type conversation struct {
	steps   []step
	answer  string
	right   bool
	failed  bool
	elapsed time.Duration
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content,omitempty"`
	Calls   []call `json:"tool_calls,omitempty"`
	CallID  string `json:"tool_call_id,omitempty"`
}

type call struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Arguments object `json:"arguments"`
}

// player plays the agent and records its spans.
type player struct {
	rng   *rand.Rand
	set   setting
	now   time.Duration
	steps []step
	open  []int
}

func (p *player) begin(name, kind string, attrs object) int {
	parent := -1
	if len(p.open) > 0 {
		parent = p.open[len(p.open)-1]
	}
	id := len(p.steps)
	p.steps = append(p.steps, step{id: id, parent: parent, name: name, kind: kind, start: p.now, attrs: attrs})
	p.open = append(p.open, id)
	return id
}

func (p *player) end(id int, attrs object) {
	for k, v := range attrs {
		p.steps[id].attrs[k] = v
	}
	p.steps[id].end = p.now
	p.open = p.open[:len(p.open)-1]
}

func (p *player) pass(d time.Duration) {
	p.now += time.Duration(float64(d) * (0.7 + 0.6*p.rng.Float64()))
}

// chat plays one model call: history in, reply out.
func (p *player) chat(history []message, reply message) {
	in, out := 40, 12
	for _, m := range history {
		in += len([]rune(m.Content))/4 + 30*len(m.Calls)
	}
	out += len([]rune(reply.Content))/4 + 24*len(reply.Calls)
	cached := 0
	if len(history) > 3 && !strings.HasPrefix(p.set.Model, "amazon.") {
		cached = in / 2 // the provider's prompt cache holds the earlier turns; Nova's price of that is not known
	}
	id := p.begin("chat "+p.set.Model, "CHAT_MODEL", object{
		"gen_ai.operation.name": "chat", "gen_ai.provider.name": p.set.Provider,
		"gen_ai.request.model": p.set.Model, "gen_ai.response.model": p.set.Model,
		"gen_ai.request.temperature": p.set.Temperature, "gen_ai.request.max_tokens": 4096,
		"gen_ai.input.messages": parts(history...),
	})
	p.pass(p.set.Latency)
	finish := "stop"
	if len(reply.Calls) > 0 {
		finish = "tool_call"
	}
	attrs := object{
		"gen_ai.usage.input_tokens": in, "gen_ai.usage.output_tokens": out,
		"gen_ai.output.messages": parts(reply), "gen_ai.response.finish_reasons": []string{finish},
	}
	if cached > 0 {
		attrs["gen_ai.usage.cache_read.input_tokens"] = cached
	}
	p.end(id, attrs)
}

// parts writes messages in OpenTelemetry's form, as a JSON string.
func parts(history ...message) string {
	type part = map[string]any
	out := []map[string]any{}
	for _, m := range history {
		list := []part{}
		if m.CallID != "" {
			list = append(list, part{"type": "tool_call_response", "id": m.CallID, "response": m.Content})
		} else if m.Content != "" {
			list = append(list, part{"type": "text", "content": m.Content})
		}
		for _, c := range m.Calls {
			list = append(list, part{"type": "tool_call", "id": c.ID, "name": c.Name, "arguments": c.Arguments})
		}
		out = append(out, map[string]any{"role": m.Role, "parts": list})
	}
	b, _ := json.Marshal(out)
	return string(b)
}

// tool plays one price look-up.
func (p *player) tool(symbol, callID string) message {
	id := p.begin("get_stock_price_data", "TOOL", object{
		"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_stock_price_data", "gen_ai.tool.call.id": callID,
		"gen_ai.tool.call.arguments": fmt.Sprintf(`{"symbol": %q}`, symbol), "langgraph_node": "tools",
	})
	p.pass(18 * time.Millisecond)
	price, ok := quotes[symbol]
	if !ok {
		text := fmt.Sprintf("unknown symbol %q; known symbols: AAPL, AMZN, GOOG, JPM, KO, MSFT, NVDA, XOM", symbol)
		p.steps[id].failed, p.steps[id].exceptionTyp = text, "ValueError"
		p.end(id, object{"gen_ai.tool.call.result": text, "error.type": "ValueError"})
		return message{Role: "tool", Content: "Error: " + text, CallID: callID}
	}
	p.end(id, object{"gen_ai.tool.call.result": fmt.Sprint(price)})
	return message{Role: "tool", Content: fmt.Sprint(price), CallID: callID}
}

// play runs the agent's loop on q. A throttled call makes the whole request
// fail after its retries.
func play(rng *rand.Rand, set setting, q question, throttled bool) conversation {
	p := &player{rng: rng, set: set}
	c := conversation{right: rng.Float64() < set.Skill, answer: q.Answer}
	if !c.right {
		c.answer = "I am not sure, but it should be around " + usd(50+200*rng.Float64()) + "."
	}
	root := p.begin("invokeAgent", "AGENT", object{"mlflow.spanInputs": quoted(object{"query": q.Text}), "workflow": "utils_invokeAgent"})
	app := p.begin("build_app", "AGENT", object{"workflow": "agent_build_app"})
	workflow := p.begin("build_workflow", "CHAIN", object{"workflow": "agent_build_workflow"})
	p.pass(3 * time.Millisecond)
	p.end(workflow, nil)
	p.end(app, nil)
	graph := p.begin("LangGraph", "CHAIN", object{"mlflow.spanInputs": quoted(object{"messages": []message{{Role: "user", Content: q.Text}}})})
	history := []message{{Role: "user", Content: promptTexts[min(set.PromptVersion, 2)-1]}, {Role: "user", Content: q.Text}}
	c.failed = !p.turns(&history, q, c.answer, throttled)
	if c.failed {
		c.answer = ""
	}
	p.end(graph, object{"mlflow.spanOutputs": quoted(object{"messages": history[1:]})})
	p.end(root, object{"mlflow.spanOutputs": quoted(c.answer)})
	if c.failed {
		for _, id := range []int{graph, root} {
			p.steps[id].failed = "ThrottlingException: too many requests, 4 attempts"
		}
	}
	c.steps, c.elapsed = p.steps, p.now
	return c
}

// turns plays assistant and tools until there is an answer; false is a failure.
func (p *player) turns(history *[]message, q question, answer string, throttled bool) bool {
	node := func(reply message) {
		id := p.begin("assistant", "AGENT", object{"workflow": "agent_assistant", "langgraph_node": "assistant"})
		p.chat(*history, reply)
		*history = append(*history, reply)
		p.end(id, nil)
		route := p.begin("should_continue", "AGENT", object{"workflow": "agent_should_continue"})
		p.now += 200 * time.Microsecond
		p.end(route, object{"mlflow.spanOutputs": quoted(map[bool]string{true: "tools", false: "__end__"}[len(reply.Calls) > 0])})
	}
	for i, symbol := range q.Symbols {
		id := fmt.Sprintf("call_%02d", i+1)
		node(message{Role: "assistant", Calls: []call{{id, "get_stock_price_data", object{"symbol": symbol}}}})
		tools := p.begin("tools", "CHAIN", object{"langgraph_node": "tools"})
		*history = append(*history, p.tool(symbol, id))
		p.end(tools, nil)
	}
	if throttled {
		p.throttle()
		return false
	}
	node(message{Role: "assistant", Content: answer})
	return true
}

// throttle plays a model call that is refused until the retries are spent.
func (p *player) throttle() {
	node := p.begin("assistant", "AGENT", object{"workflow": "agent_assistant", "langgraph_node": "assistant"})
	for attempt := range 4 {
		id := p.begin("chat "+p.set.Model, "CHAT_MODEL", object{
			"gen_ai.operation.name": "chat", "gen_ai.provider.name": p.set.Provider, "gen_ai.request.model": p.set.Model,
			"error.type": "ThrottlingException", "retry.attempt": attempt + 1,
		})
		p.pass(90 * time.Millisecond)
		p.steps[id].failed, p.steps[id].exceptionTyp = "too many requests, please wait before trying again", "ThrottlingException"
		p.end(id, nil)
		p.now += time.Duration(1<<attempt) * 250 * time.Millisecond
	}
	p.steps[node].failed = "ThrottlingException"
	p.end(node, nil)
}

// quoted is how MLflow writes inputs and outputs: JSON in a string attribute.
func quoted(v any) string {
	b, _ := json.Marshal(v)
	return strings.TrimSpace(string(b))
}
