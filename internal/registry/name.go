package registry

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/fault"
)

// Limits, in characters. Names must fit into an index; texts are bounded more
// generously, since people write model cards into descriptions.
const (
	maxName        = 500
	maxDescription = 100_000
	maxTagKey      = 250
	maxTagValue    = 100_000
	maxAlias       = 255
	maxURI         = 4096
	maxTags        = 1000 // of one request
)

func checkName(name string) error { return checkNamed("name", name) }

func checkNamed(parameter, name string) error {
	if strings.TrimSpace(name) == "" {
		return fault.Invalidf("Missing value for required parameter '%s'.", parameter)
	}
	if strings.ContainsAny(name, "/:") {
		return fault.Invalidf("Invalid model name '%s'. Names cannot contain '/' or ':'.", clip(name))
	}
	if resolves(name) {
		return fault.Invalidf("Invalid value %q for parameter '%s' supplied: as a file name it would resolve to %q", clip(name), parameter, clip(path.Clean(name)))
	}
	return checkText(parameter, name, maxName)
}

// resolves reports whether name is another name when it is used as a path.
func resolves(name string) bool {
	clean := path.Clean(name)
	return clean != name || clean == "." || strings.HasPrefix(clean, "..") || strings.HasPrefix(clean, "/")
}

// checkText bounds s and refuses what a database cannot keep.
func checkText(parameter, s string, limit int) error {
	if len(s) > limit && utf8.RuneCountInString(s) > limit {
		return fault.Invalidf("'%s' exceeds the maximum length of %d characters", parameter, limit)
	}
	if strings.ContainsRune(s, 0) {
		return fault.Invalidf("Invalid value for parameter '%s' supplied: it contains a NUL character", parameter)
	}
	if !utf8.ValidString(s) {
		return fault.Invalidf("Invalid value for parameter '%s' supplied: it is not valid UTF-8", parameter)
	}
	return nil
}

func checkTagKey(key string) error {
	for _, r := range key {
		if !wordRune(r) && !strings.ContainsRune("/.- :", r) {
			return fault.Invalidf("Invalid value %q for parameter 'key' supplied: names may only contain letters, digits, underscores (_), dashes (-), periods (.), spaces ( ), colons (:) and slashes (/)", clip(key))
		}
	}
	if resolves(key) {
		return fault.Invalidf("Invalid value %q for parameter 'key' supplied: as a file name it would resolve to %q", clip(key), clip(path.Clean(key)))
	}
	return checkText("key", key, maxTagKey)
}

func checkTag(t Tag) error {
	if err := checkTagKey(t.Key); err != nil {
		return err
	}
	if t.Key == PromptTextTag && utf8.RuneCountInString(t.Value) > maxTagValue {
		return fault.Invalidf("Prompt text exceeds max length of %d characters.", maxTagValue)
	}
	return checkText("value", t.Value, maxTagValue)
}

// checkTags checks tags and returns one per key, the last given, by key.
func checkTags(tags []Tag) ([]Tag, error) {
	if len(tags) > maxTags {
		return nil, fault.Invalidf("'tags' has %d entries; at most %d are allowed", len(tags), maxTags)
	}
	for _, t := range tags {
		if err := checkTag(t); err != nil {
			return nil, err
		}
	}
	return lastByKey(tags), nil
}

func checkAlias(name string) error {
	if name == "" {
		return fault.Invalidf("Registered model alias name cannot be empty.")
	}
	for _, r := range name {
		if !wordRune(r) && r != '-' {
			return fault.Invalidf("Invalid alias name: '%s'. Names may only contain alphanumerics, underscores (_), and dashes (-).", clip(name))
		}
	}
	return checkText("Registered model alias name", name, maxAlias)
}

// checkNewAlias refuses the aliases that already mean something.
func checkNewAlias(name string) error {
	if err := checkAlias(name); err != nil {
		return err
	}
	if strings.EqualFold(name, latestAlias) {
		return fault.Invalidf("'latest' alias name (case insensitive) is reserved.")
	}
	if len(name) > 1 && (name[0] == 'v' || name[0] == 'V') && strings.IndexFunc(name[1:], func(r rune) bool { return !unicode.IsDigit(r) }) < 0 {
		return fault.Invalidf("Version alias name '%s' is reserved.", name)
	}
	return nil
}

// latestAlias always means the version with the highest number.
const latestAlias = "latest"

func wordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }

func clip(s string) string {
	if len(s) <= 200 {
		return s
	}
	cut := 200
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
