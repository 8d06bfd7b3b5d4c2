// Package telemetry is what Assay says about itself: its log and its metrics.
package telemetry

import (
	"io"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/assayhq/assay/internal/fault"
)

// LogConfig says how to log.
type LogConfig struct {
	Level  string // debug, info, warn or error; "" means info
	Format string // text, json or auto; "" means auto: text on a terminal, JSON otherwise
}

// NewLog returns a logger that writes to w and never writes the value of an
// attribute whose name says that it is a secret.
func NewLog(w io.Writer, cfg LogConfig) (*slog.Logger, error) {
	var level slog.Level
	if cfg.Level != "" {
		if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
			return nil, fault.Invalidf("log-level %q is not one of debug, info, warn, error", cfg.Level)
		}
	}
	opts := &slog.HandlerOptions{Level: level, ReplaceAttr: redact}
	switch cfg.Format {
	case "text":
		return slog.New(slog.NewTextHandler(w, opts)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	case "", "auto":
		if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			return slog.New(slog.NewTextHandler(w, opts)), nil
		}
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return nil, fault.Invalidf("log-format %q is not one of auto, text, json", cfg.Format)
}

// secretWords name attributes whose values stay out of the log.
var secretWords = []string{"password", "secret", "token", "authorization", "cookie", "api_key", "apikey", "credential"}

func redact(_ []string, a slog.Attr) slog.Attr {
	// Numbers named token(s) are counts, not secrets.
	if a.Value.Kind() != slog.KindString && a.Value.Kind() != slog.KindAny {
		return a
	}
	name := strings.ToLower(a.Key)
	for _, word := range secretWords {
		if strings.Contains(name, word) {
			return slog.String(a.Key, "[secret]")
		}
	}
	return a
}
