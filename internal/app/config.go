package app

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/mask"
	"github.com/assayhq/assay/internal/web"
)

// Config is everything `assay serve` runs with. [Load] fills it.
type Config struct {
	Addr         string   // host:port of the UI and every HTTP protocol
	Data         string   // data directory
	Database     string   // postgres://… or "" for SQLite in Data
	Artifacts    string   // s3://… or a directory; "" for Data/artifacts
	OTLPGRPCAddr string   // "" for off
	OTLPHTTPAddr string   // "" for off
	LogLevel     string   // debug, info, warn, error
	LogFormat    string   // auto, text, json
	AllowedHosts []string // names the open server may be called by
	AllowPrivate bool     // webhooks and providers may be at private addresses
	PublicURL    string   // base URL clients should use; "" is derived from Addr
	Workers      int      // jobs at a time
	Mask         []string // built-in masking rules of workspaces that set none
	Demo         bool     // fill an empty server with the sample

	SMTP       string        // smtp:// or smtps:// URL of the mail server; "" sends no mail
	AlertEvery time.Duration // between two judgements of the alert rules
	StallAfter time.Duration // silence after which an open trace is marked; 0 never
	LoopAfter  int           // identical calls of a tool that mark a trace; 0 never

	Settings []Setting // each option as it was chosen, secrets left out
}

// Setting is an option's value with where it came from.
type Setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"` // default, flag, environment or file
}

// Option describes one option of the server: the flag --name, the environment
// variable ASSAY_NAME and the key name of the configuration file.
type Option struct {
	Name    string
	Default string
	Usage   string
	Secret  bool // the value may carry a password
	Bool    bool // a flag without a value

	set func(c *Config, value string) error
}

// Options lists every option. A default is what a newcomer wants on a laptop.
func Options() []Option {
	text := func(field func(c *Config) *string) func(*Config, string) error {
		return func(c *Config, v string) error { *field(c) = v; return nil }
	}
	flag := func(field func(c *Config) *bool) func(*Config, string) error {
		return func(c *Config, v string) error {
			b, err := strconv.ParseBool(v)
			if err != nil {
				return fault.Invalidf("%q is neither true nor false", v)
			}
			*field(c) = b
			return nil
		}
	}
	return []Option{
		{Name: "addr", Default: "127.0.0.1:5000", Usage: "address of the UI and the HTTP protocols",
			set: text(func(c *Config) *string { return &c.Addr })},
		{Name: "data", Default: "./assay-data", Usage: "data directory",
			set: text(func(c *Config) *string { return &c.Data })},
		{Name: "database", Usage: "postgres:// URL; empty keeps everything in SQLite files under data", Secret: true,
			set: text(func(c *Config) *string { return &c.Database })},
		{Name: "artifacts", Usage: "s3://bucket/prefix?… or a directory; empty is data/artifacts", Secret: true,
			set: text(func(c *Config) *string { return &c.Artifacts })},
		{Name: "otlp-grpc-addr", Default: "127.0.0.1:4317", Usage: "OTLP over gRPC; empty turns it off",
			set: text(func(c *Config) *string { return &c.OTLPGRPCAddr })},
		{Name: "otlp-http-addr", Default: "127.0.0.1:4318", Usage: "OTLP over HTTP (also on addr); empty turns it off",
			set: text(func(c *Config) *string { return &c.OTLPHTTPAddr })},
		{Name: "log-level", Default: "info", Usage: "debug, info, warn or error",
			set: text(func(c *Config) *string { return &c.LogLevel })},
		{Name: "log-format", Default: "auto", Usage: "auto, text or json",
			set: text(func(c *Config) *string { return &c.LogFormat })},
		{Name: "allowed-hosts", Usage: "further host names, comma-separated, that the server without accounts answers to",
			set: func(c *Config, v string) error { c.AllowedHosts = commas(v); return nil }},
		{Name: "allow-private-addresses", Default: "false", Usage: "let webhooks call private and loopback addresses", Bool: true,
			set: flag(func(c *Config) *bool { return &c.AllowPrivate })},
		{Name: "public-url", Usage: "base URL that clients reach this server by, for links",
			set: text(func(c *Config) *string { return &c.PublicURL })},
		{Name: "workers", Default: "8", Usage: "jobs at a time, 1 to 32",
			set: func(c *Config, v string) error {
				n, err := strconv.Atoi(v)
				if err != nil || n < 1 || n > 32 {
					return fault.Invalidf("%q is not a number from 1 to 32", v)
				}
				c.Workers = n
				return nil
			}},
		{Name: "mask", Usage: "built-in masking rules for workspaces that set none themselves: email,phone,card,secret,iban,ip",
			set: func(c *Config, v string) error {
				c.Mask = commas(v)
				_, err := mask.Compile(maskPolicy(c.Mask))
				return err
			}},
		{Name: "smtp-url", Usage: "mail server for alerts: smtp://user:password@host:587?from=address, or smtps://…; empty sends no e-mail", Secret: true,
			set: func(c *Config, v string) error {
				c.SMTP = v
				if v == "" {
					return nil
				}
				_, err := web.NewMailer(v)
				return err
			}},
		{Name: "alert-interval", Default: "1m", Usage: "how often alert rules are judged, 1s to 10m",
			set: func(c *Config, v string) error {
				d, err := time.ParseDuration(v)
				if err != nil || d < time.Second || d > 10*time.Minute {
					return fault.Invalidf("%q is not a duration from 1s to 10m", v)
				}
				c.AlertEvery = d
				return nil
			}},
		{Name: "stall-after", Default: "10m", Usage: "an open trace silent for so long is marked assay.stalled; 0 turns it off",
			set: func(c *Config, v string) error {
				d, err := time.ParseDuration(v)
				if v == "0" {
					d, err = 0, nil
				}
				if err != nil || d < 0 || d > 0 && d < time.Second {
					return fault.Invalidf("%q is neither 0 nor a duration of at least a second, as in 10m", v)
				}
				c.StallAfter = d
				return nil
			}},
		{Name: "loop-after", Default: "5", Usage: "a tool called so often with the same input in one trace is marked assay.loop; 0 turns it off",
			set: func(c *Config, v string) error {
				n, err := strconv.Atoi(v)
				if err != nil || n < 0 || n == 1 || n > 1_000_000 {
					return fault.Invalidf("%q is neither 0 nor a number from 2", v)
				}
				c.LoopAfter = n
				return nil
			}},
		{Name: "demo", Default: "false", Usage: "fill an empty server with the sample", Bool: true,
			set: flag(func(c *Config) *bool { return &c.Demo })},
	}
}

func commas(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// Sources are where options come from, strongest first: flags that were given,
// the environment, the configuration file.
type Sources struct {
	Flags map[string]string
	Env   func(name string) (string, bool)
	File  string // path of the YAML file; "" for none
}

// EnvName is the environment variable of option name.
func EnvName(name string) string {
	return "ASSAY_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// Load chooses each option's value and checks it. Errors name the option, its
// source and what would be right; an unknown key of the file is an error.
func Load(src Sources) (Config, error) {
	var cfg Config
	file, err := readFile(src.File)
	if err != nil {
		return cfg, err
	}
	options := Options()
	for key := range file {
		if !slices.ContainsFunc(options, func(o Option) bool { return o.Name == key }) {
			return cfg, fault.Invalidf("%s: unknown option %q; `assay serve --help` lists the options", src.File, key)
		}
	}
	for _, o := range options {
		value, from := o.Default, "default"
		if v, ok := file[o.Name]; ok {
			value, from = v, "file"
		}
		if v, ok := src.Env(EnvName(o.Name)); ok {
			value, from = v, "environment"
		}
		if v, ok := src.Flags[o.Name]; ok {
			value, from = v, "flag"
		}
		if err := o.set(&cfg, value); err != nil {
			return cfg, fault.Invalidf("option %s (from %s): %s", o.Name, sourceName(o.Name, from, src.File), fault.Message(err))
		}
		shown := value
		if o.Secret {
			shown = "not set"
			if value != "" {
				shown = "set"
			}
		}
		cfg.Settings = append(cfg.Settings, Setting{Name: o.Name, Value: shown, Source: from})
	}
	return cfg, cfg.validate()
}

func sourceName(option, from, file string) string {
	switch from {
	case "file":
		return file
	case "environment":
		return EnvName(option)
	case "flag":
		return "--" + option
	}
	return from
}

// fromDefault reports whether option name was left alone.
func (c *Config) fromDefault(name string) bool {
	return slices.ContainsFunc(c.Settings, func(s Setting) bool { return s.Name == name && s.Source == "default" })
}

func (c *Config) validate() error {
	if c.Data == "" {
		return fault.Invalidf("option data: the data directory must have a name")
	}
	if c.Database != "" && !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://") {
		return fault.Invalidf("option database: only postgres://… URLs are databases; leave it empty for SQLite in %s", c.Data)
	}
	for name, addr := range map[string]string{"addr": c.Addr, "otlp-grpc-addr": c.OTLPGRPCAddr, "otlp-http-addr": c.OTLPHTTPAddr} {
		if addr == "" && name != "addr" {
			continue
		}
		if !strings.Contains(addr, ":") {
			return fault.Invalidf("option %s: %q is not host:port, as in 127.0.0.1:5000", name, addr)
		}
	}
	return nil
}

// readFile returns the scalar values of the YAML file by key. Lists are joined
// with commas.
func readFile(path string) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Invalidf("the configuration file %s does not exist", path)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "app.readFile", err, "the configuration file %s cannot be read", path)
	}
	return parseConfig(path, data)
}

// maxConfig bounds the configuration file in bytes.
const maxConfig = 1 << 20

func parseConfig(path string, data []byte) (map[string]string, error) {
	if len(data) > maxConfig {
		return nil, fault.Invalidf("the configuration file %s is over 1 MiB", path)
	}
	raw := map[string]any{}
	if len(bytes.TrimSpace(data)) > 0 {
		if err := yaml.Unmarshal(data, &raw); err != nil {
			return nil, fault.Invalidf("%s is not valid YAML: %s", path, firstLine(yaml.FormatError(err, false, false)))
		}
	}
	out := make(map[string]string, len(raw))
	for key, value := range raw {
		text, ok := scalar(value)
		if list, isList := value.([]any); isList {
			parts := make([]string, len(list))
			ok = true
			for i, v := range list {
				var one bool
				parts[i], one = scalar(v)
				ok = ok && one
			}
			text = strings.Join(parts, ",")
		}
		if !ok {
			return nil, fault.Invalidf("%s: option %q must be a plain value or a list of plain values", path, key)
		}
		out[key] = text
	}
	return out, nil
}

func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case uint64:
		return strconv.FormatUint(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	}
	return "", false
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
