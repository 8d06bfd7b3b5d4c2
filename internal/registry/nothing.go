package registry

import (
	"context"

	"github.com/assayhq/assay/internal/fault"
)

// What stands in for the collaborators a [Config] leaves out.

type noOrigins struct{}

func (noOrigins) RunArtifacts(_ context.Context, id string) (string, error) {
	return "", fault.NotFoundf("Run with id=%s not found", id)
}

func (noOrigins) LoggedModel(_ context.Context, id string) (string, string, error) {
	return "", "", fault.NotFoundf("Logged model with ID '%s' not found.", id)
}

func (noOrigins) LinkVersion(context.Context, string, string, int64) error { return nil }

type noEvents struct{}

func (noEvents) Publish(context.Context, string, string, any) error { return nil }

type noAudit struct{}

func (noAudit) Record(context.Context, string, string, string, any, any) error { return nil }
