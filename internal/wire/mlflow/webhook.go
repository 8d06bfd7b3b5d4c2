package mlflow

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/webhook"
)

type webhooks struct{ webhooks *webhook.Service }

// ServeWebhooks adds the registration of webhooks.
func (s *Server) ServeWebhooks(w *webhook.Service) {
	s.groups = append(s.groups, webhooks{w}.routes)
}

// Webhooks make the server call out, so only administrators may set them up.
func (h webhooks) routes() []route {
	return []route{
		v2(http.MethodPost, "mlflow/webhooks", caller.Administer, bind(h.create)),
		v2(http.MethodGet, "mlflow/webhooks", caller.Administer, bind(h.list)),
		v2(http.MethodGet, "mlflow/webhooks/{webhook_id}", caller.Administer, bind(h.get)),
		v2(http.MethodPatch, "mlflow/webhooks/{webhook_id}", caller.Administer, bind(h.update)),
		v2(http.MethodDelete, "mlflow/webhooks/{webhook_id}", caller.Administer, bind(h.delete)),
		v2(http.MethodPost, "mlflow/webhooks/{webhook_id}/test", caller.Administer, bind(h.test)),
	}
}

// enum is a protobuf enumeration's value: its name, or its number.
type enum string

func (e *enum) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte(`"`)) {
		return json.Unmarshal(b, (*string)(e))
	}
	if string(b) == "null" {
		return nil
	}
	*e = enum(b)
	return nil
}

// The enumerations of webhooks.proto, by number.
var (
	webhookEntities = []string{
		"ENTITY_UNSPECIFIED", "REGISTERED_MODEL", "MODEL_VERSION", "MODEL_VERSION_TAG", "MODEL_VERSION_ALIAS",
		"PROMPT", "PROMPT_VERSION", "PROMPT_TAG", "PROMPT_VERSION_TAG", "PROMPT_ALIAS", "BUDGET_POLICY",
	}
	webhookActions = []string{"ACTION_UNSPECIFIED", "CREATED", "UPDATED", "DELETED", "SET", "EXCEEDED"}
	webhookStates  = []string{"", "ACTIVE", "DISABLED"}
)

// of returns the name that e stands for, or e itself if it is none of names.
func (e enum) of(names []string) string {
	if n, err := strconv.Atoi(string(e)); err == nil && n >= 0 && n < len(names) {
		return names[n]
	}
	return string(e)
}

type webhookEvent struct {
	Entity enum `json:"entity"`
	Action enum `json:"action"`
}

func (e webhookEvent) domain() webhook.Event {
	return webhook.Event{
		Entity: strings.ToLower(e.Entity.of(webhookEntities)),
		Action: strings.ToLower(e.Action.of(webhookActions)),
	}
}

type webhookBody struct {
	ID          string         `json:"webhook_id"`
	Name        string         `json:"name"`
	Description string         `json:"description,omitempty"`
	URL         string         `json:"url"`
	Events      []webhookEvent `json:"events"`
	Status      string         `json:"status"`
	Created     int64          `json:"creation_timestamp"`
	Updated     int64          `json:"last_updated_timestamp"`
}

func toWebhook(w *webhook.Webhook) webhookBody {
	out := webhookBody{
		ID: w.ID, Name: w.Name, Description: w.Description, URL: w.URL, Status: "ACTIVE", Created: w.Created, Updated: w.Updated,
	}
	if !w.Active {
		out.Status = "DISABLED"
	}
	for _, e := range w.Events {
		out.Events = append(out.Events, webhookEvent{enum(strings.ToUpper(e.Entity)), enum(strings.ToUpper(e.Action))})
	}
	return out
}

type webhookRequest struct {
	ID          string         `json:"webhook_id"`
	Name        *string        `json:"name"`
	Description *string        `json:"description"`
	URL         *string        `json:"url"`
	Events      []webhookEvent `json:"events"`
	Secret      *string        `json:"secret"`
	Status      *enum          `json:"status"`
}

// change is the request as a change. An empty name, URL or list of events is
// as if left out.
func (r *webhookRequest) change() (webhook.Change, error) {
	c := webhook.Change{Name: filled(r.Name), URL: filled(r.URL), Description: r.Description, Secret: r.Secret}
	for _, e := range r.Events {
		c.Events = append(c.Events, e.domain())
	}
	if r.Status != nil && *r.Status != "" {
		state := r.Status.of(webhookStates)
		active := state == "ACTIVE"
		if !active && state != "DISABLED" {
			return c, fault.Invalidf("Invalid value '%s' for parameter 'status' supplied: it must be ACTIVE or DISABLED", clip(string(*r.Status)))
		}
		c.Active = &active
	}
	return c, nil
}

func filled(s *string) *string {
	if s != nil && *s == "" {
		return nil
	}
	return s
}

type webhookAnswer struct {
	Webhook webhookBody `json:"webhook"`
}

func answerWebhook(w *webhook.Webhook, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return webhookAnswer{toWebhook(w)}, nil
}

func (h webhooks) create(ctx context.Context, r *webhookRequest) (any, error) {
	c, err := r.change()
	if err != nil {
		return nil, err
	}
	for name, absent := range map[string]bool{"name": c.Name == nil, "url": c.URL == nil, "events": c.Events == nil} {
		if absent {
			return nil, missing(name)
		}
	}
	return answerWebhook(h.webhooks.Create(ctx, c))
}

func (h webhooks) update(ctx context.Context, r *webhookRequest) (any, error) {
	c, err := r.change()
	if err != nil {
		return nil, err
	}
	return answerWebhook(h.webhooks.Update(ctx, r.ID, c))
}

type webhookID struct {
	ID string `json:"webhook_id"`
}

func (h webhooks) get(ctx context.Context, r *webhookID) (any, error) {
	return answerWebhook(h.webhooks.Webhook(ctx, r.ID))
}

func (h webhooks) delete(ctx context.Context, r *webhookID) (any, error) {
	return empty{}, h.webhooks.Delete(ctx, r.ID)
}

type webhookPage struct {
	MaxResults Int    `json:"max_results"`
	PageToken  string `json:"page_token"`
}

type webhooksAnswer struct {
	Webhooks []webhookBody `json:"webhooks,omitempty"`
	Next     string        `json:"next_page_token,omitempty"`
}

func (h webhooks) list(ctx context.Context, r *webhookPage) (any, error) {
	limit := r.MaxResults
	if limit < 0 || limit > 1<<20 {
		limit = -1
	}
	list, next, err := h.webhooks.List(ctx, int(limit), r.PageToken)
	if err != nil {
		return nil, err
	}
	out := webhooksAnswer{Next: next}
	for _, w := range list {
		out.Webhooks = append(out.Webhooks, toWebhook(w))
	}
	return out, nil
}

type webhookTest struct {
	webhookID
	Event *webhookEvent `json:"event"`
}

type webhookTestResult struct {
	Success bool   `json:"success"`
	Status  int    `json:"response_status,omitempty"`
	Answer  string `json:"response_body,omitempty"`
	Error   string `json:"error_message,omitempty"`
}

func (h webhooks) test(ctx context.Context, r *webhookTest) (any, error) {
	var e webhook.Event
	if r.Event != nil {
		e = r.Event.domain()
	}
	result, err := h.webhooks.Test(ctx, r.ID, e)
	if err != nil {
		return nil, err
	}
	return map[string]webhookTestResult{"result": webhookTestResult(result)}, nil
}
