package storetest_test

import (
	"testing"

	"github.com/assayhq/assay/internal/storetest"
)

func TestAlerts(t *testing.T) { storetest.OnEach(t, storetest.Alerts) }
