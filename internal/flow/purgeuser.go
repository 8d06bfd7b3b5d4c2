package flow

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracking"
)

// user removes all that is kept of a user: traces that name the user or stand
// in the user's sessions, records made from them, and assessments by that
// user. Where ids were masked, the pseudonym stands for the user.
func (p *purge) user(ctx context.Context) error {
	ids := []string{p.q.User}
	if pseudonym := p.cfg.Pseudonym(caller.Workspace(ctx), p.q.User); pseudonym != p.q.User {
		ids = append(ids, pseudonym)
	}
	p.report.name(p.cfg.Pseudonym(caller.Workspace(ctx), p.q.User)) // the report is kept, the id is to go
	done := map[string]bool{}
	for _, id := range ids {
		sessions := map[string]bool{}
		query := tracing.Query{Filter: filter.Expr{{Field: filter.Field{Group: filter.Metadata, Key: tracing.MetaUser}, Op: filter.Eq,
			Value: filter.Value{Kind: filter.String, Str: id}}}}
		if err := p.sessionsOf(ctx, query, sessions); err != nil {
			return err
		}
		// Turns of the same conversations that do not say whose they are go
		// first: once the others are gone nothing leads to them.
		own := p.keep
		for s := range sessions {
			if done[s] {
				continue
			}
			done[s] = true
			p.keep = func(info *tracing.Info) bool { return info.User != "" }
			if err := p.matching(ctx, tracing.Query{Session: s}); err != nil {
				return err
			}
		}
		p.keep = own
		if err := p.matching(ctx, query); err != nil {
			return err
		}
		count := p.cfg.Tracing.DeleteAssessmentsOf
		if p.dry {
			count = p.cfg.Tracing.CountAssessmentsOf
		}
		n, err := count(ctx, id)
		if err != nil {
			return err
		}
		p.report.Assessments += n
	}
	return nil
}

// sessionsOf collects the sessions of the traces that match.
func (p *purge) sessionsOf(ctx context.Context, query tracing.Query, sessions map[string]bool) error {
	for token := ""; ; {
		page, err := p.cfg.Tracing.Search(ctx, tracing.Search{Query: query, Limit: 1000, Token: token, Bare: true})
		if err != nil {
			return err
		}
		for i := range page.Infos {
			if s := page.Infos[i].Session; s != "" {
				sessions[s] = true
			}
		}
		if token = page.Next; token == "" {
			return nil
		}
	}
}

func (c *Care) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(c.cfg.Key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal hides the user id in the input of a job: the job is kept, the id is to
// go.
func (c *Care) seal(user string) ([]byte, error) {
	a, err := c.aead()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, a.NonceSize())
	rand.Read(nonce)
	return a.Seal(nonce, nonce, []byte(user), nil), nil
}

func (c *Care) open(sealed []byte) (string, error) {
	a, err := c.aead()
	if err != nil {
		return "", err
	}
	n := a.NonceSize()
	if len(sealed) < n {
		return "", fault.New(fault.Internal, "the user of a removal cannot be read")
	}
	plain, err := a.Open(nil, sealed[:n], sealed[n:], nil)
	return string(plain), fault.Wrap(fault.Internal, "flow.open", err, "the user of a removal cannot be read with the key of this data directory")
}

// garbage removes folders of artifacts that no experiment, run, logged model,
// trace or model version refers to, and rewrites days with much dead payload.
// Folders that do not look like ours are left alone.
func (p *purge) garbage(ctx context.Context) error {
	var kept []*registry.Version
	if err := p.versions(ctx, func(v *registry.Version) bool { kept = append(kept, v); return false }); err != nil {
		return err
	}
	root := tracking.ArtifactRoot
	if ws := caller.Workspace(ctx); ws != caller.DefaultWorkspace {
		root += "workspaces/" + ws
	}
	root = strings.TrimSuffix(root, "/")
	err := p.cfg.Artifacts.Folders(ctx, root+"/", func(name string) error {
		id, err := strconv.ParseInt(name, 10, 64)
		if err != nil {
			return nil
		}
		folder := root + "/" + name
		_, err = p.cfg.Tracking.Experiment(ctx, id)
		if fault.Is(err, fault.NotFound) {
			return p.orphan(ctx, folder, kept)
		}
		if err != nil {
			return err
		}
		return p.orphansOf(ctx, folder, kept)
	})
	if err != nil {
		return err
	}
	days, err := p.cfg.Tracing.Partitions(ctx)
	if err != nil {
		return err
	}
	for _, d := range days {
		dead, err := p.cfg.Tracing.Dead(ctx, d.Day)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if dead > 0.02 {
			if p.dry {
				p.report.Days++
				p.report.Bytes += int64(dead * float64(d.Bytes))
			} else {
				p.days[d.Day] = true
			}
		}
	}
	return nil
}

// orphansOf looks through the folder of an experiment that exists.
func (p *purge) orphansOf(ctx context.Context, folder string, kept []*registry.Version) error {
	check := func(at string, exists func(name string) (bool, error)) error {
		return p.cfg.Artifacts.Folders(ctx, at, func(name string) error {
			there, err := exists(name)
			if err != nil || there {
				return err
			}
			return p.orphan(ctx, at+"/"+name, kept)
		})
	}
	if err := check(folder, func(name string) (bool, error) {
		if len(name) != 32 || strings.Trim(name, "0123456789abcdef") != "" {
			return true, nil
		}
		return found(p.cfg.Tracking.RunToPurge(ctx, name))
	}); err != nil {
		return err
	}
	if err := check(folder+"/models", func(name string) (bool, error) {
		if !strings.HasPrefix(name, "m-") {
			return true, nil
		}
		return found(p.cfg.Tracking.Model(ctx, name, true))
	}); err != nil {
		return err
	}
	return check(folder+"/traces", func(name string) (bool, error) {
		id, ok := traceName(name)
		if !ok {
			return true, nil
		}
		return found(p.cfg.Tracing.Info(ctx, id))
	})
}

func found[T any](_ T, err error) (bool, error) {
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// orphan removes a folder that nothing refers to.
func (p *purge) orphan(ctx context.Context, folder string, kept []*registry.Version) error {
	if slices.ContainsFunc(kept, func(v *registry.Version) bool { return under(v, folder) }) {
		return nil
	}
	p.report.name(folder)
	return p.files(ctx, folder)
}
