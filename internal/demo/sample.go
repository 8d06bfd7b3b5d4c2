package demo

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// promptTexts are the versions of the system prompt, oldest first.
var promptTexts = []string{
	"You know about shares and money. Be brief.",
	"You are a specialist for markets, shares, investing and the economy. Look prices up with the tool before you name one, " +
		"show the arithmetic when you are asked for more than one share, and when a question is about anything else, say kindly " +
		"that you only help with finance and offer a topic that you do cover.",
	"<|start_header_id|>system<|end_header_id|>\nYou are a specialist for markets, shares, investing and the economy. " +
		"Context: {context}<|eot_id|><|start_header_id|>user<|end_header_id|>\n{question}<|eot_id|>",
}

var promptNotes = []string{"First prompt", "Keep to finance, and show the arithmetic", "The same for Llama 3"}

// sampleRun is one evaluation of the agent on the golden set.
type sampleRun struct {
	name    string
	set     setting
	start   time.Time
	end     time.Time
	failed  bool
	rows    []evalRow
	metrics map[string]float64
}

type evalRow struct {
	question, answer, truth string
	right                   bool
	rouge1, rougeL          float64
	latency                 time.Duration
	traceID                 string
}

// sampleTrace is one request to the agent.
type sampleTrace struct {
	id       string // 32 hex digits
	start    time.Time
	question string
	conv     conversation
	set      setting
	session  string
	user     string
	run      string // name of the run it belongs to; "" is production traffic
	env      string
	scores   []object // assessments
}

type sample struct {
	now    time.Time
	runs   []*sampleRun
	traces []*sampleTrace
	runIDs map[string]string // run name -> id on the server
}

var settings = []struct {
	name string
	set  setting
}{
	{"haiku-v1", setting{"anthropic.claude-3-5-haiku-20241022-v1:0", "aws.bedrock", 0.7, 1, 620 * time.Millisecond, .6}},
	{"haiku-v2", setting{"anthropic.claude-3-5-haiku-20241022-v1:0", "aws.bedrock", 0, 2, 640 * time.Millisecond, .95}},
	{"nova-lite-v2", setting{"amazon.nova-lite-v1:0", "aws.bedrock", 0, 2, 290 * time.Millisecond, .8}},
	{"nova-pro-v2", setting{"amazon.nova-pro-v1:0", "aws.bedrock", 0, 2, 410 * time.Millisecond, .95}},
	{"gpt-4o-mini-v2", setting{"gpt-4o-mini", "openai", 0.2, 2, 480 * time.Millisecond, .9}},
	{"nova-pro-v3", setting{"amazon.nova-pro-v1:0", "aws.bedrock", 0, 3, 430 * time.Millisecond, .7}},
}

func newSample(now time.Time) *sample {
	s := &sample{now: now, runIDs: map[string]string{}}
	rng := rand.New(rand.NewPCG(2050, 3))
	for i, c := range settings {
		s.evaluate(rng, c.name, c.set, now.Add(-time.Duration(len(settings)-i)*5*time.Hour))
	}
	broken := &sampleRun{name: "nova-micro-v2", set: setting{"amazon.nova-micro-v1:0", "aws.bedrock", 0, 2, 210 * time.Millisecond, 0},
		start: now.Add(-40 * time.Minute), end: now.Add(-39 * time.Minute), failed: true, metrics: map[string]float64{}}
	s.runs = append(s.runs, broken)
	s.serve(rng, 96)
	slices.SortFunc(s.traces, func(a, b *sampleTrace) int { return a.start.Compare(b.start) })
	return s
}

// evaluate plays the golden set once and scores it.
func (s *sample) evaluate(rng *rand.Rand, name string, set setting, start time.Time) {
	r := &sampleRun{name: name, set: set, start: start, metrics: map[string]float64{}}
	at := start
	for i, q := range golden {
		conv := play(rng, set, q, false)
		t := &sampleTrace{id: hexID(name, i), start: at, question: q.Text, conv: conv, set: set, run: name, env: "eval",
			session: "golden-" + name, user: "ci"}
		t.scores = append(t.scores, judged("correctness", conv.right, "LLM_JUDGE", "nova-pro-judge",
			map[bool]string{true: "The answer agrees with the reference.", false: "The figure in the answer is not the one the tool returned."}[conv.right]),
			object{"kind": "expectation", "name": "expected_response", "value": q.Answer, "source_type": "HUMAN", "source": "golden set"})
		s.traces = append(s.traces, t)
		row := evalRow{q.Text, conv.answer, q.Answer, conv.right, overlap(conv.answer, q.Answer, 1), overlap(conv.answer, q.Answer, .93), conv.elapsed, t.id}
		r.rows = append(r.rows, row)
		at = at.Add(conv.elapsed + 300*time.Millisecond)
	}
	r.end = at.Add(2 * time.Second)
	r.score(rng)
	s.runs = append(s.runs, r)
}

// score fills the metrics in MLflow's names: mean, population variance, 90th
// percentile; and the three RAGAS ones with sample variance.
func (r *sampleRun) score(rng *rand.Rand) {
	column := func(f func(evalRow) float64) []float64 {
		var out []float64
		for _, row := range r.rows {
			out = append(out, f(row))
		}
		return out
	}
	add := func(name string, v []float64, population bool) {
		mean, variance := moments(v, population)
		r.metrics[name+"/mean"], r.metrics[name+"/variance"], r.metrics[name+"/p90"] = mean, variance, quantile(v, .9)
	}
	add("latency", column(func(e evalRow) float64 { return e.latency.Seconds() }), true)
	add("rouge1/v1", column(func(e evalRow) float64 { return e.rouge1 }), true)
	add("rougeL/v1", column(func(e evalRow) float64 { return e.rougeL }), true)
	r.metrics["exact_match/v1"], _ = moments(column(func(e evalRow) float64 {
		return map[bool]float64{true: 1}[e.answer == e.truth]
	}), true)
	for _, name := range []string{"faithfulness", "answer_relevancy", "answer_correctness"} {
		add("ragas_"+name+"_score/v1", column(func(e evalRow) float64 {
			base := map[bool]float64{true: .93, false: .38}[e.right]
			return math.Round((base+.06*(rng.Float64()-.5))*1000) / 1000
		}), false)
	}
}

// serve plays n production requests over the last day, some of which fail.
func (s *sample) serve(rng *rand.Rand, n int) {
	users := []string{"ana", "bertil", "chiyo", "dimitri", "esra"}
	for i := range n {
		q := append(slices.Clone(traffic), golden...)[rng.IntN(len(traffic)+len(golden))]
		set := settings[3].set
		if i%7 == 3 {
			set = settings[1].set // the release before, still on a tenth of the traffic
		}
		conv := play(rng, set, q, i%17 == 5)
		user := users[rng.IntN(len(users))]
		t := &sampleTrace{id: hexID("traffic", i), question: q.Text, conv: conv, set: set, user: user, env: "prod",
			start:   s.now.Add(-24*time.Hour + time.Duration(float64(24*time.Hour-2*time.Minute)*float64(i)/float64(n)) + time.Duration(rng.Int64N(int64(5*time.Minute)))),
			session: fmt.Sprintf("%s-%d", user, i/12)}
		if !conv.failed && i%3 == 0 {
			t.scores = append(t.scores, judged("correctness", conv.right, "LLM_JUDGE", "nova-pro-judge", ""))
		}
		if i%8 == 1 {
			t.scores = append(t.scores, judged("thumbs", conv.right && !conv.failed, "HUMAN", user, map[bool]string{false: "That is not the price I see."}[conv.right]))
		}
		s.traces = append(s.traces, t)
	}
}

func judged(name string, value any, sourceType, source, why string) object {
	return object{"kind": "feedback", "name": name, "value": value, "source_type": sourceType, "source": source, "rationale": why}
}

func hexID(parts ...any) string {
	sum := sha256.Sum256([]byte(fmt.Sprintln(append([]any{"assay sample"}, parts...)...)))
	return hex.EncodeToString(sum[:16])
}

// overlap is the F1 of the words two texts share, times scale below 1 when
// they differ: what stands for ROUGE in the sample.
func overlap(a, b string, scale float64) float64 {
	count := map[string]int{}
	words := func(s string) []string {
		var out []string
		for w := range splitWords(s) {
			out = append(out, w)
		}
		return out
	}
	wa, wb := words(a), words(b)
	for _, w := range wa {
		count[w]++
	}
	shared := 0
	for _, w := range wb {
		if count[w] > 0 {
			count[w]--
			shared++
		}
	}
	if len(wa)+len(wb) == 0 {
		return 0
	}
	f := 2 * float64(shared) / float64(len(wa)+len(wb))
	if f < 1 {
		f *= scale
	}
	return f
}

func moments(v []float64, population bool) (mean, variance float64) {
	for _, x := range v {
		mean += x
	}
	mean /= float64(len(v))
	for _, x := range v {
		variance += (x - mean) * (x - mean)
	}
	n := float64(len(v))
	if !population {
		n--
	}
	return mean, variance / n
}

// quantile interpolates linearly between order statistics.
func quantile(v []float64, q float64) float64 {
	s := slices.Sorted(slices.Values(v))
	at := q * float64(len(s)-1)
	i := int(at)
	if i+1 >= len(s) {
		return s[len(s)-1]
	}
	return s[i] + (at-float64(i))*(s[i+1]-s[i])
}
