package tracing

import (
	"context"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
)

// BulkChange is one thing done to many traces; exactly one of its fields is
// set.
type BulkChange struct {
	Delete bool
	SetTag *BulkTag
	Untag  string      // key of the tag to remove, where it is
	Assess *Assessment // given to each; its trace is filled in
}

// BulkTag is a tag to be set.
type BulkTag struct{ Key, Value string }

func (c *BulkChange) check() error {
	n := 0
	for _, set := range []bool{c.Delete, c.SetTag != nil, c.Untag != "", c.Assess != nil} {
		if set {
			n++
		}
	}
	if n != 1 {
		return fault.Invalidf("a change of many traces is one of delete, set_tag, untag and assess")
	}
	if c.SetTag != nil {
		return checkTag(c.SetTag.Key, c.SetTag.Value)
	}
	if c.Assess != nil {
		probe := *c.Assess
		return probe.prepare(1)
	}
	return nil
}

// Change applies c to each of the traces and returns how many there were; those
// that are gone are passed over. Setting and removing tags may be repeated;
// assessing gives another assessment each time.
func (s *Service) Change(ctx context.Context, ids []trace.ID, c BulkChange) (done int, err error) {
	if err := c.check(); err != nil {
		return 0, err
	}
	if c.Delete {
		return s.Delete(ctx, Deletion{IDs: ids})
	}
	for _, id := range ids {
		switch {
		case c.SetTag != nil:
			err = s.SetTag(ctx, id, c.SetTag.Key, c.SetTag.Value)
		case c.Untag != "":
			if _, err = s.Info(ctx, id); err == nil {
				if err = s.DeleteTag(ctx, id, c.Untag); fault.Is(err, fault.NotFound) {
					err = nil
				}
			}
		default:
			a := *c.Assess
			a.TraceID = id
			_, err = s.CreateAssessment(ctx, a)
		}
		switch {
		case fault.Is(err, fault.NotFound):
		case err != nil:
			return done, err
		default:
			done++
		}
	}
	return done, nil
}
