package sqlstore

import (
	"context"

	"github.com/assayhq/assay/internal/alert"
	"github.com/assayhq/assay/internal/fault"
)

// InsertChannel implements [alert.ChannelStore].
func (s *Alerts) InsertChannel(ctx context.Context, c *alert.Channel) error {
	_, err := s.db.Exec(ctx, `INSERT INTO alert_channel (id, workspace, name, kind, target, sealed, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		c.ID, c.Workspace, c.Name, string(c.Kind), c.Target, c.Sealed, c.Created, c.Updated)
	return err
}

// UpdateChannel implements [alert.ChannelStore].
func (s *Alerts) UpdateChannel(ctx context.Context, c *alert.Channel) error {
	_, err := s.db.Exec(ctx, `UPDATE alert_channel SET name = ?, target = ?, sealed = ?, updated_at = ? WHERE id = ?`,
		c.Name, c.Target, c.Sealed, c.Updated, c.ID)
	return err
}

// DeleteChannel implements [alert.ChannelStore].
func (s *Alerts) DeleteChannel(ctx context.Context, workspace, id string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM alert_message WHERE channel_id = ? AND state = 'waiting'`, id); err != nil {
		return err
	}
	_, err := s.db.Exec(ctx, `DELETE FROM alert_channel WHERE workspace = ? AND id = ?`, workspace, id)
	return err
}

// ChannelByID implements [alert.ChannelStore].
func (s *Alerts) ChannelByID(ctx context.Context, workspace, id string) (*alert.Channel, error) {
	found, err := s.channels(ctx, `WHERE workspace = ? AND id = ?`, workspace, id)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fault.NotFoundf("no such channel")
	}
	return found[0], nil
}

// ListChannels implements [alert.ChannelStore].
func (s *Alerts) ListChannels(ctx context.Context, workspace string) ([]*alert.Channel, error) {
	return s.channels(ctx, `WHERE workspace = ? ORDER BY name`, workspace)
}

func (s *Alerts) channels(ctx context.Context, rest string, args ...any) ([]*alert.Channel, error) {
	var all []*alert.Channel
	err := s.db.Each(ctx, `SELECT id, workspace, name, kind, target, sealed, created_at, updated_at FROM alert_channel `+rest, args,
		func(scan func(...any) error) error {
			c := new(alert.Channel)
			all = append(all, c)
			return scan(&c.ID, &c.Workspace, &c.Name, &c.Kind, &c.Target, &c.Sealed, &c.Created, &c.Updated)
		})
	return all, err
}

const messageColumns = `id, workspace, channel_id, rule_id, body, state, reason, created_at, ended_at`

// InsertMessage implements [alert.OutboxStore].
func (s *Alerts) InsertMessage(ctx context.Context, m *alert.Outgoing) error {
	_, err := s.db.Exec(ctx, `INSERT INTO alert_message (`+messageColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		m.ID, m.Workspace, m.Channel, m.Rule, string(m.Body), string(m.State), m.Reason, m.Created, m.Ended)
	return err
}

// MessageByID implements [alert.OutboxStore].
func (s *Alerts) MessageByID(ctx context.Context, id string) (*alert.Outgoing, error) {
	return s.message(ctx, `WHERE id = ?`, id)
}

// EndMessage implements [alert.OutboxStore].
func (s *Alerts) EndMessage(ctx context.Context, id string, state alert.DeliveryState, reason string, at int64) error {
	_, err := s.db.Exec(ctx, `UPDATE alert_message SET state = ?, reason = ?, ended_at = ? WHERE id = ?`, string(state), reason, at, id)
	return err
}

// NextMessage implements [alert.OutboxStore].
func (s *Alerts) NextMessage(ctx context.Context, channel, rule string) (*alert.Outgoing, error) {
	return s.message(ctx, `WHERE channel_id = ? AND rule_id = ? AND state = 'waiting' ORDER BY seq LIMIT 1`, channel, rule)
}

func (s *Alerts) message(ctx context.Context, rest string, args ...any) (*alert.Outgoing, error) {
	found, err := s.messages(ctx, rest, args...)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fault.NotFoundf("no such message")
	}
	return found[0], nil
}

func (s *Alerts) messages(ctx context.Context, rest string, args ...any) ([]*alert.Outgoing, error) {
	var all []*alert.Outgoing
	err := s.db.Each(ctx, `SELECT `+messageColumns+` FROM alert_message `+rest, args, func(scan func(...any) error) error {
		m, body := new(alert.Outgoing), ""
		all = append(all, m)
		err := scan(&m.ID, &m.Workspace, &m.Channel, &m.Rule, &body, &m.State, &m.Reason, &m.Created, &m.Ended)
		m.Body = []byte(body)
		return err
	})
	return all, err
}

// Heads implements [alert.OutboxStore].
func (s *Alerts) Heads(ctx context.Context, before int64, limit int) ([]*alert.Outgoing, error) {
	return s.messages(ctx, `WHERE seq IN (SELECT min(seq) FROM alert_message WHERE state = 'waiting' GROUP BY channel_id, rule_id)
		AND created_at < ? ORDER BY seq LIMIT ?`, before, limit)
}

// SweepMessages implements [alert.OutboxStore].
func (s *Alerts) SweepMessages(ctx context.Context, before int64, limit int) (int64, error) {
	return s.db.Exec(ctx, `DELETE FROM alert_message WHERE seq IN (
		SELECT seq FROM alert_message WHERE state <> 'waiting' AND ended_at < ? ORDER BY ended_at LIMIT ?)`, before, limit)
}
