package mlflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/fault"
)

// maxBody bounds a JSON request body. The largest honest one is a log-batch of
// 1,000 entries or a dataset's records.
const maxBody = 64 << 20

// Int is an int64 that MLflow clients send as a number, a string of digits, or
// an integral float, as protobuf's JSON form allows. It is written as a number.
type Int int64

func (n *Int) UnmarshalJSON(b []byte) error {
	s := string(b)
	if s == "null" {
		return nil
	}
	if len(s) >= 2 && s[0] == '"' {
		s = s[1 : len(s)-1]
	}
	if v, err := strconv.ParseInt(s, 10, 64); err == nil {
		*n = Int(v)
		return nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
		return fault.Invalidf("%s is not an integer", clip(s))
	}
	*n = Int(f)
	return nil
}

// Float is a float64 that may also be "NaN", "Infinity" or "-Infinity", read
// quoted or bare and written quoted.
type Float float64

func (f *Float) UnmarshalJSON(b []byte) error {
	s := string(b)
	if s == "null" {
		return nil
	}
	if len(s) >= 2 && s[0] == '"' {
		s = s[1 : len(s)-1]
	}
	switch s { // what protobuf's Python makes of them
	case "true":
		s = "1"
	case "false":
		s = "0"
	}
	v, err := strconv.ParseFloat(s, 64) // also reads NaN, Infinity and their signs
	if err != nil && !errors.Is(err, strconv.ErrRange) || strings.ContainsAny(s, "xX_pP") {
		return fault.Invalidf("%s is not a number", clip(s))
	}
	*f = Float(v)
	return nil
}

func (f Float) MarshalJSON() ([]byte, error) { return appendFloat(nil, float64(f)), nil }

// appendFloat writes v as protobuf's JSON form does, always readable as a
// float by Python clients.
func appendFloat(b []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(b, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(b, `"-Infinity"`...)
	}
	n := len(b)
	b = strconv.AppendFloat(b, v, 'g', -1, 64)
	if !bytes.ContainsAny(b[n:], ".e") {
		b = append(b, ".0"...)
	}
	return b
}

// bind adapts a typed call: the request is decoded from the JSON body (POST,
// PUT, PATCH, DELETE with a body) or the query (GET), and path parameters are
// filled into the fields of the same JSON name.
func bind[Req any](call func(context.Context, *Req) (any, error)) func(context.Context, *http.Request) (any, error) {
	return func(ctx context.Context, r *http.Request) (any, error) {
		req := new(Req)
		if err := decode(r, req); err != nil {
			return nil, err
		}
		return call(ctx, req)
	}
}

func decode(r *http.Request, req any) error {
	body := []byte(nil)
	if r.Method != http.MethodGet && r.Body != nil {
		var err error
		if body, err = readBody(r); err != nil {
			return err
		}
	}
	if len(bytes.TrimSpace(body)) > 0 {
		if err := decodeJSON(body, req); err != nil {
			return err
		}
	} else if r.URL.RawQuery != "" {
		q, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return fault.Invalidf("the query string is malformed")
		}
		if err := fromQuery(q, req); err != nil {
			return err
		}
	}
	return fromPath(r, req)
}

func readBody(r *http.Request) ([]byte, error) {
	var buf bytes.Buffer
	if r.ContentLength > maxBody {
		return nil, fault.New(fault.TooLarge, "the request body is over %d MiB", maxBody>>20)
	}
	if r.ContentLength > 0 {
		buf.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	if _, err := io.Copy(&buf, io.LimitReader(r.Body, maxBody+1)); err != nil {
		return nil, fault.Wrap(fault.Invalid, "mlflow.readBody", err, "the request body could not be read to its end")
	}
	if buf.Len() > maxBody {
		return nil, fault.New(fault.TooLarge, "the request body is over %d MiB", maxBody>>20)
	}
	return buf.Bytes(), nil
}

func decodeJSON(body []byte, req any) error {
	// Old clients encode twice.
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && trimmed[0] == '"' {
		var inner string
		if json.Unmarshal(trimmed, &inner) == nil {
			body = []byte(inner)
		}
	}
	err := json.Unmarshal(body, req)
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		// Python writes NaN and Infinity bare.
		if fixed, changed := quoteBareFloats(body); changed {
			if err = json.Unmarshal(fixed, req); err == nil {
				return nil
			}
		}
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fault.Invalidf("Invalid value for parameter '%s': expected %s, found %s (byte %d of the body)", e.Field, e.Type, e.Value, e.Offset)
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fault.Invalidf("the request body is not valid JSON: %s at byte %d", e.Error(), e.Offset)
	}
	if fault.Is(err, fault.Invalid) {
		return err
	}
	return fault.Invalidf("the request body is not valid JSON")
}

// quoteBareFloats quotes NaN, Infinity and -Infinity outside strings.
func quoteBareFloats(body []byte) ([]byte, bool) {
	var out []byte
	inString := false
	for i := 0; i < len(body); i++ {
		c := body[i]
		if inString {
			if c == '\\' {
				i++
			} else if c == '"' {
				inString = false
			}
			continue
		}
		if c == '"' {
			inString = true
			continue
		}
		for _, word := range []string{"NaN", "Infinity", "-Infinity"} {
			if bytes.HasPrefix(body[i:], []byte(word)) {
				if out == nil {
					out = make([]byte, 0, len(body)+16)
				}
				// out holds everything before the previous match's end.
				out = append(append(append(append(out, body[:i]...), '"'), word...), '"')
				body, i = body[i+len(word):], -1
				break
			}
		}
	}
	if out == nil {
		return body, false
	}
	return append(out, body...), true
}

// fromQuery fills the fields of *req from query parameters of their JSON name.
func fromQuery(q url.Values, req any) error {
	return eachField(req, func(name string, field reflect.Value) error {
		values, ok := q[name]
		if !ok || len(values) == 0 {
			return nil
		}
		return setField(name, field, values)
	})
}

func fromPath(r *http.Request, req any) error {
	if r.Pattern == "" || !strings.Contains(r.Pattern, "{") {
		return nil
	}
	return eachField(req, func(name string, field reflect.Value) error {
		if v := r.PathValue(name); v != "" {
			return setField(name, field, []string{v})
		}
		return nil
	})
}

func eachField(req any, fn func(name string, field reflect.Value) error) error {
	return eachFieldOf(reflect.ValueOf(req).Elem(), fn)
}

func eachFieldOf(v reflect.Value, fn func(name string, field reflect.Value) error) error {
	if v.Kind() != reflect.Struct {
		return nil
	}
	t := v.Type()
	for i := range t.NumField() {
		if t.Field(i).Anonymous && v.Field(i).Kind() == reflect.Struct {
			if err := eachFieldOf(v.Field(i), fn); err != nil {
				return err
			}
			continue
		}
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		if err := fn(name, v.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

func setField(name string, field reflect.Value, values []string) error {
	if field.Kind() == reflect.Pointer {
		field.Set(reflect.New(field.Type().Elem()))
		field = field.Elem()
	}
	s := values[len(values)-1]
	bad := func(want string) error {
		return fault.Invalidf("Invalid value %q for parameter '%s' supplied: expected %s", clip(s), name, want)
	}
	switch field.Kind() {
	case reflect.String:
		field.SetString(s)
	case reflect.Int64, reflect.Int, reflect.Int32:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || field.OverflowInt(n) {
			return bad("an integer")
		}
		field.SetInt(n)
	case reflect.Float64:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return bad("a number")
		}
		field.SetFloat(f)
	case reflect.Bool:
		switch strings.ToLower(s) {
		case "true":
			field.SetBool(true)
		case "false":
			field.SetBool(false)
		default:
			return bad("true or false")
		}
	case reflect.Slice:
		if field.Type().Elem().Kind() != reflect.String {
			return bad("a JSON body")
		}
		out := reflect.MakeSlice(field.Type(), len(values), len(values))
		for i, v := range values {
			out.Index(i).SetString(v)
		}
		field.Set(out)
	}
	return nil
}

// encoded is a response that was already encoded.
type encoded []byte

func writeJSON(w http.ResponseWriter, v any) error {
	b, ok := v.(encoded)
	if !ok {
		var err error
		if b, err = marshal(v); err != nil {
			return fault.Wrap(fault.Internal, "mlflow.writeJSON", err, "the response could not be encoded")
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.Write(b) // a client that went away is not our failure
	return nil
}

// marshal is json.Marshal without HTML escaping.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

func mustJSON(v any) []byte {
	b, err := marshal(v)
	if err != nil {
		panic(err) // only called with strings
	}
	return b
}

// empty is the response of calls that return nothing: {}.
type empty struct{}

func clip(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}
