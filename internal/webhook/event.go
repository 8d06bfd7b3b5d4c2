package webhook

import (
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/fault"
)

// Event is a kind of change, such as {"model_version", "created"}.
type Event struct{ Entity, Action string }

func (e Event) String() string { return e.Entity + "." + e.Action }

// examples are the events there are, each with the data a test message carries.
var examples = map[Event]map[string]any{
	{"registered_model", "created"}:    {"name": "example_model", "tags": exampleTags, "description": "An example registered model"},
	{"model_version", "created"}:       {"name": "example_model", "version": "1", "source": "models:/123", "run_id": "abcd1234abcd5678", "tags": exampleTags, "description": "An example model version"},
	{"model_version_tag", "set"}:       {"name": "example_model", "version": "1", "key": "example_key", "value": "example_value"},
	{"model_version_tag", "deleted"}:   {"name": "example_model", "version": "1", "key": "example_key"},
	{"model_version_alias", "created"}: {"name": "example_model", "alias": "example_alias", "version": "1"},
	{"model_version_alias", "deleted"}: {"name": "example_model", "alias": "example_alias"},
	{"prompt", "created"}:              {"name": "example_prompt", "tags": exampleTags, "description": "An example prompt"},
	{"prompt_version", "created"}:      {"name": "example_prompt", "version": "1", "template": "Hello {{name}}!", "tags": exampleTags, "description": "An example prompt version"},
	{"prompt_tag", "set"}:              {"name": "example_prompt", "key": "example_key", "value": "example_value"},
	{"prompt_tag", "deleted"}:          {"name": "example_prompt", "key": "example_key"},
	{"prompt_version_tag", "set"}:      {"name": "example_prompt", "version": "1", "key": "example_key", "value": "example_value"},
	{"prompt_version_tag", "deleted"}:  {"name": "example_prompt", "version": "1", "key": "example_key"},
	{"prompt_alias", "created"}:        {"name": "example_prompt", "alias": "example_alias", "version": "1"},
	{"prompt_alias", "deleted"}:        {"name": "example_prompt", "alias": "example_alias"},
	{"budget_policy", "exceeded"}: {
		"budget_policy_id": "bp-example", "budget_unit": "USD", "budget_amount": 100.0, "current_spend": 105.5,
		"duration_unit": "MONTHS", "duration_value": 1, "target_scope": "ENDPOINT", "workspace": "default",
		"target_value": "ep-example", "window_start": 1704067200000,
	},
}

var exampleTags = map[string]string{"example_key": "example_value"}

func (e Event) check() error {
	if _, ok := examples[e]; ok {
		return nil
	}
	var actions []string
	for known := range examples {
		if known.Entity == e.Entity {
			actions = append(actions, known.Action)
		}
	}
	if len(actions) == 0 {
		return fault.Invalidf("Invalid entity '%s' in a webhook event", e.Entity)
	}
	slices.Sort(actions)
	return fault.Invalidf("Invalid action '%s' for entity '%s'. Valid actions are: %s", e.Action, e.Entity, strings.Join(actions, ", "))
}

// checkEvents returns events without repetitions, in order.
func checkEvents(events []Event) ([]Event, error) {
	if len(events) == 0 {
		return nil, fault.Invalidf("Webhook events must be a non-empty list")
	}
	for _, e := range events {
		if err := e.check(); err != nil {
			return nil, err
		}
	}
	events = slices.Clone(events)
	slices.SortFunc(events, func(a, b Event) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(events), nil
}
