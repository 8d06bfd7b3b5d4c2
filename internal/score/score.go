// Package score is the one noun for a judgement, whoever made it: a judge
// model, a rule, a classifier, an embedding similarity, a reward model or a
// person. What is a metric in an evaluation is the same thing as a reward in
// training, a monitor on live traces and a reason to ask for review.
//
// A judgement that failed is a missing score with an error. It is never 0, and
// whoever averages scores must say how many are missing; [Summarise] does.
package score

import (
	"encoding/json"
	"math"
	"time"

	"github.com/assayhq/assay/internal/fault"
)

// Kind is who or what judges.
type Kind uint8

// Kinds of scorer.
const (
	Judge      Kind = iota // a model asked with a prompt
	Rule                   // code: exact match, pattern, length, …
	Classifier             // a trained model with classes
	Embedding              // a similarity of vectors
	Reward                 // a reward model
	Human                  // a person
)

var kindNames = [...]string{"judge", "rule", "classifier", "embedding", "reward", "human"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// ParseKind reads a kind's name.
func ParseKind(s string) (Kind, error) {
	for i, n := range kindNames {
		if n == s {
			return Kind(i), nil
		}
	}
	return 0, fault.Invalidf("%q is not a kind of scorer; there are judge, rule, classifier, embedding, reward and human", clip(s))
}

// MarshalText writes the kind's name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the kind's name.
func (k *Kind) UnmarshalText(b []byte) error {
	v, err := ParseKind(string(b))
	if err == nil {
		*k = v
	}
	return err
}

// Number is a value that may be missing. The zero Number is missing.
type Number struct {
	v  float64
	ok bool
}

// Some is the number v; a NaN or an infinity is missing, because it is not a
// judgement.
func Some(v float64) Number {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Number{}
	}
	return Number{v, true}
}

// Get returns the value and whether there is one.
func (n Number) Get() (float64, bool) { return n.v, n.ok }

// Or returns the value, or other if it is missing.
func (n Number) Or(other float64) float64 {
	if n.ok {
		return n.v
	}
	return other
}

// IsZero reports that the number is missing; it is what omitzero asks.
func (n Number) IsZero() bool { return !n.ok }

// MarshalJSON writes the number, null if it is missing.
func (n Number) MarshalJSON() ([]byte, error) {
	if !n.ok {
		return []byte("null"), nil
	}
	return json.Marshal(n.v)
}

// UnmarshalJSON reads a number or null.
func (n *Number) UnmarshalJSON(b []byte) error {
	var p *float64
	if err := json.Unmarshal(b, &p); err != nil {
		return fault.Wrap(fault.Invalid, "score.Number", err, "a score's value must be a number or null")
	}
	*n = Number{}
	if p != nil {
		*n = Some(*p)
	}
	return nil
}

// Failure is why a judgement is missing.
type Failure struct {
	Code    string `json:"code"`              // stable, for counting: timeout, parse, refused, limited, …
	Message string `json:"message,omitempty"` // for people
}

// Usage is what a judgement consumed; -1 is unknown.
type Usage struct {
	Input  int64 `json:"input"`  // tokens
	Output int64 `json:"output"` // tokens
	Cost   int64 `json:"cost"`   // pico-US-dollars
}

// NoUsage is the unknown usage. A scorer that calls no model has the zero
// Usage.
var NoUsage = Usage{-1, -1, -1}

// Score is one judgement of one thing under one name.
type Score struct {
	Name       string `json:"name"`                 // the metric: faithfulness, toxicity, …
	Kind       Kind   `json:"kind"`                 //
	Scorer     string `json:"scorer"`               // the definition, e.g. faithfulness/supported
	Version    string `json:"version,omitempty"`    // of the definition
	PromptHash string `json:"promptHash,omitempty"` // SHA-256 of the judge's prompt template, hex
	Judge      string `json:"judge,omitempty"`      // the judging model, or the person's id

	RawLabel    string `json:"rawLabel,omitempty"` // what the judge said, where it says words
	RawValue    Number `json:"rawValue,omitzero"`  // what the judge said, on its own scale
	Value       Number `json:"value"`              // on 0 to 1, more is better; null if missing
	Explanation string `json:"explanation,omitempty"`

	Time    time.Time     `json:"time,omitzero"`
	Latency time.Duration `json:"latencyNs,omitempty"`
	Usage   Usage         `json:"usage"`
	Error   *Failure      `json:"error,omitempty"` // set only if Value is missing
}

// Missing reports whether there is no value.
func (s Score) Missing() bool { return !s.Value.ok }

// Fail returns s without any value, for the reason given.
func (s Score) Fail(code, message string) Score {
	s.RawValue, s.Value = Number{}, Number{}
	s.Error = &Failure{code, message}
	return s
}

// Validate reports, as [fault.Invalid], what makes s no score: a name or a
// scorer that is empty, a value outside 0 to 1, a value beside an error.
func (s Score) Validate() error {
	v, ok := s.Value.Get()
	switch {
	case s.Name == "":
		return fault.Invalidf("a score needs a name")
	case s.Scorer == "":
		return fault.Invalidf("score %q does not say which scorer made it", clip(s.Name))
	case int(s.Kind) >= len(kindNames):
		return fault.Invalidf("score %q has an unknown kind", clip(s.Name))
	case ok && (v < 0 || v > 1):
		return fault.Invalidf("score %q has the value %g; a normalised value lies between 0 and 1", clip(s.Name), v)
	case ok && s.Error != nil:
		return fault.Invalidf("score %q has a value and an error; a failed judgement has no value", clip(s.Name))
	}
	return nil
}

// Decode reads one score from JSON and validates it.
func Decode(b []byte) (Score, error) {
	s := Score{Usage: NoUsage}
	if err := json.Unmarshal(b, &s); err != nil {
		return Score{}, fault.Wrap(fault.Invalid, "score.Decode", err, "the score is not valid JSON of a score")
	}
	if err := s.Validate(); err != nil {
		return Score{}, err
	}
	return s, nil
}

func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
