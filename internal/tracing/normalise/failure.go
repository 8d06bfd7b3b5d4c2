package normalise

import (
	"bytes"
	"encoding/json"
	"hash/fnv"
	"io"
	"strings"
	"unicode"

	"github.com/assayhq/assay/internal/trace"
)

// failure is the type of a failed span's error: error.type, else the class of
// the exception that an event recorded, else the class that the status
// message begins with; "" unknown.
func (f *facts) failure() string {
	if f.span.Status != trace.Error {
		return ""
	}
	if kind := f.text(fErrorType); kind != "" && kind != "_OTHER" {
		return kind
	}
	for i := len(f.span.Events) - 1; i >= 0; i-- { // the last exception is the one that got out
		if v, ok := trace.Lookup(f.span.Events[i].Attrs, "exception.type"); ok && f.span.Events[i].Name == "exception" {
			if kind := unquote(v.Text()); kind != "" {
				return kind
			}
		}
	}
	return leadingClass(f.span.StatusMessage)
}

// leadingClass is the class name that an error's text begins with, as in
// "ValueError: no such symbol" or "openai.RateLimitError('…')".
func leadingClass(message string) string {
	end := strings.IndexFunc(message, func(r rune) bool {
		return r != '.' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	if end < 0 {
		end = len(message)
	}
	name := message[:end]
	if len(name) < 5 || len(name) > 100 {
		return ""
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	if strings.HasSuffix(last, "Error") || strings.HasSuffix(last, "Exception") || strings.HasSuffix(last, "Timeout") {
		return name
	}
	return ""
}

// maxCanonical bounds the JSON that is put into canonical order.
const maxCanonical = 64 << 10

// fingerprint tells calls of a tool with the same input from others: a hash
// of its name and its input, in which the order of keys and the space between
// them do not count. It is never 0.
func fingerprint(tool, input string) uint32 {
	h := fnv.New32a()
	io.WriteString(h, tool)
	h.Write([]byte{0})
	if c := canonical(input); c != nil {
		h.Write(c)
	} else {
		io.WriteString(h, input)
	}
	return max(1, h.Sum32())
}

// canonical is a JSON object or list with its keys in order; nil if input is
// something else.
func canonical(input string) []byte {
	input = strings.TrimSpace(input)
	if len(input) < 2 || len(input) > maxCanonical || input[0] != '{' && input[0] != '[' {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(input))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	if _, err := d.Token(); err != io.EOF {
		return nil
	}
	var b bytes.Buffer
	if json.NewEncoder(&b).Encode(v) != nil {
		return nil
	}
	return b.Bytes()
}
