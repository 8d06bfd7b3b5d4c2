package mlflow

import (
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/flow"
)

// OpenFiles reads a directory.
func OpenFiles(dir string) (flow.Source, error) {
	return nil, fault.New(fault.Unsupported, "directories cannot be imported yet; start `mlflow server --backend-store-uri %s` and import its URL", dir)
}
