package tracing

import "context"

// PromptUse is what is known of one version of a prompt from the traces that
// are linked to it.
type PromptUse struct {
	Version     string
	Traces      int64
	Errors      int64
	First, Last int64 // request times, unix milliseconds
	Runs        []PromptRun
	Scores      []PromptScore
}

// PromptRun is a run whose traces used the version.
type PromptRun struct {
	RunID  string
	Traces int64
}

// PromptScore is the valid feedback of one name. Several on one trace count
// once, as their mean: they do not say as much as several traces.
type PromptScore struct {
	Name            string
	N               int64   // traces with a number
	Missing         int64   // traces whose feedback has none
	Mean, Deviation float64 // of the sample; NaN where undefined
}

// PromptUses returns the use of each version of a prompt, by version. Exact is
// false when there are more traces than were read: then the newest were.
func (s *Service) PromptUses(ctx context.Context, prompt string) (uses []PromptUse, exact bool, err error) {
	return s.store.PromptUses(ctx, prompt)
}
