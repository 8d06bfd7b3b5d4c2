package sqlstore

import (
	"context"

	"github.com/assayhq/assay/internal/page"
	"github.com/assayhq/assay/internal/webhook"
)

// Webhooks is the store of webhooks.
type Webhooks struct{ db *DB }

// NewWebhooks returns the store of webhooks in db, whose schema is "control".
func NewWebhooks(db *DB) *Webhooks { return &Webhooks{db} }

// Write implements [webhook.Store].
func (s *Webhooks) Write(ctx context.Context, fn func(context.Context) error) error {
	return s.db.Write(ctx, fn)
}

// InsertWebhook implements [webhook.Store].
func (s *Webhooks) InsertWebhook(ctx context.Context, w *webhook.Webhook) error {
	_, err := s.db.Exec(ctx, `INSERT INTO webhook (id, workspace, name, description, url, active, secret, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		w.ID, w.Workspace, w.Name, w.Description, w.URL, bit(w.Active), w.Sealed, w.Created, w.Updated)
	if err != nil {
		return err
	}
	return s.insertEvents(ctx, w)
}

func (s *Webhooks) insertEvents(ctx context.Context, w *webhook.Webhook) error {
	for _, e := range w.Events {
		_, err := s.db.Exec(ctx, `INSERT INTO webhook_event (webhook_id, workspace, entity, action) VALUES (?, ?, ?, ?)`,
			w.ID, w.Workspace, e.Entity, e.Action)
		if err != nil {
			return err
		}
	}
	return nil
}

// UpdateWebhook implements [webhook.Store].
func (s *Webhooks) UpdateWebhook(ctx context.Context, w *webhook.Webhook) error {
	_, err := s.db.Exec(ctx, `UPDATE webhook SET name = ?, description = ?, url = ?, active = ?, secret = ?, updated_at = ? WHERE id = ?`,
		w.Name, w.Description, w.URL, bit(w.Active), w.Sealed, w.Updated, w.ID)
	if err != nil {
		return err
	}
	if _, err := s.db.Exec(ctx, `DELETE FROM webhook_event WHERE webhook_id = ?`, w.ID); err != nil {
		return err
	}
	return s.insertEvents(ctx, w)
}

// DeleteWebhook implements [webhook.Store].
func (s *Webhooks) DeleteWebhook(ctx context.Context, workspace, id string) error {
	_, err := s.db.Exec(ctx, `DELETE FROM webhook WHERE workspace = ? AND id = ?`, workspace, id)
	return err
}

const webhookColumns = `w.id, w.workspace, w.name, w.description, w.url, w.active, w.secret, w.created_at, w.updated_at`

func scanWebhook(w *webhook.Webhook) []any {
	return []any{&w.ID, &w.Workspace, &w.Name, &w.Description, &w.URL, (*boolean)(&w.Active), &w.Sealed, &w.Created, &w.Updated}
}

// WebhookByID implements [webhook.Store].
func (s *Webhooks) WebhookByID(ctx context.Context, workspace, id string) (*webhook.Webhook, error) {
	w := new(webhook.Webhook)
	err := s.db.QueryRow(ctx, `SELECT `+webhookColumns+` FROM webhook w WHERE w.id = ? AND w.workspace = ?`,
		[]any{id, workspace}, scanWebhook(w)...)
	if err != nil {
		return nil, err
	}
	return w, s.fillEvents(ctx, w)
}

func (s *Webhooks) fillEvents(ctx context.Context, w *webhook.Webhook) error {
	return s.db.Each(ctx, `SELECT entity, action FROM webhook_event WHERE webhook_id = ? ORDER BY entity, action`, []any{w.ID},
		func(scan func(...any) error) error {
			var e webhook.Event
			if err := scan(&e.Entity, &e.Action); err != nil {
				return err
			}
			w.Events = append(w.Events, e)
			return nil
		})
}

// ListWebhooks implements [webhook.Store].
func (s *Webhooks) ListWebhooks(ctx context.Context, workspace string, limit int, token string) ([]*webhook.Webhook, string, error) {
	scope := page.NewQuery("webhooks", workspace)
	keys, err := page.Decode(token, scope, 2)
	if err != nil {
		return nil, "", err
	}
	query, args := `SELECT `+webhookColumns+` FROM webhook w WHERE w.workspace = ?`, []any{workspace}
	if keys != nil {
		query += ` AND w.created_at <= ? AND (w.created_at < ? OR w.id < ?)`
		args = append(args, keys[0].Any(), keys[0].Any(), keys[1].Any())
	}
	var list []*webhook.Webhook
	err = s.db.Each(ctx, query+` ORDER BY w.created_at DESC, w.id DESC LIMIT ?`, append(args, limit+1),
		func(scan func(...any) error) error {
			w := new(webhook.Webhook)
			list = append(list, w)
			return scan(scanWebhook(w)...)
		})
	if err != nil {
		return nil, "", err
	}
	list, more := cutPage(list, limit)
	for _, w := range list {
		if err := s.fillEvents(ctx, w); err != nil {
			return nil, "", err
		}
	}
	if !more {
		return list, "", nil
	}
	last := list[len(list)-1]
	return list, page.Encode(scope, page.IntKey(last.Created), page.StringKey(last.ID)), nil
}

// Subscribers implements [webhook.Store].
func (s *Webhooks) Subscribers(ctx context.Context, workspace string, e webhook.Event) ([]string, error) {
	var ids []string
	err := s.db.Each(ctx, `SELECT e.webhook_id FROM webhook_event e JOIN webhook w ON w.id = e.webhook_id
		WHERE e.workspace = ? AND e.entity = ? AND e.action = ? AND w.active = 1 ORDER BY e.webhook_id`,
		[]any{workspace, e.Entity, e.Action}, func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			ids = append(ids, id)
			return err
		})
	return ids, err
}
