package mlflow

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/assayhq/assay/internal/fault"
)

// TestOnlyFailuresAreLogged: anyone can ask for a call that is not offered, as
// often as they like; that must not fill the log.
func TestOnlyFailuresAreLogged(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		logged bool
	}{
		{fault.New(fault.Unsupported, "not offered"), 501, false},
		{fault.Invalidf("wrong"), 400, false},
		{errors.New("broken"), 500, true},
	} {
		var log bytes.Buffer
		s := NewServer(slog.New(slog.NewTextHandler(&log, nil)), nil)
		w := httptest.NewRecorder()
		s.Fail(w, httptest.NewRequest("GET", "/api/2.0/x", nil), c.err)
		if w.Code != c.status || (log.Len() > 0) != c.logged {
			t.Errorf("%v: status %d, logged %q", c.err, w.Code, log.String())
		}
	}
}
