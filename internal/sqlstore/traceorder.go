package sqlstore

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/page"
	"github.com/assayhq/assay/internal/tracing"
)

// sortKey is one column of an order.
type sortKey struct {
	column   string
	desc     bool
	nullable bool
	value    func(*headerRow) page.Key
}

var sortKeys = map[string]sortKey{
	"timestamp_ms":      {column: "start_ms", value: func(h *headerRow) page.Key { return page.IntKey(h.RequestTime) }},
	"execution_time_ms": {column: "duration_ms", nullable: true, value: func(h *headerRow) page.Key { return knownKey(h.Duration) }},
	"end_time_ms": {column: "(start_ms + coalesce(duration_ms, 0))", value: func(h *headerRow) page.Key {
		return page.IntKey(h.RequestTime + max(0, h.Duration))
	}},
	"status": {column: "state", value: func(h *headerRow) page.Key {
		n, _ := tracing.StateNumber(h.State)
		return page.IntKey(int64(n))
	}},
	"name":   {column: "name", nullable: true, value: func(h *headerRow) page.Key { return filledKey(h.Name) }},
	"run_id": {column: "run", nullable: true, value: func(h *headerRow) page.Key { return filledKey(h.Run) }},
	"tokens": {column: "tokens", nullable: true, value: func(h *headerRow) page.Key { return knownKey(h.Tokens.Total) }},
	"cost":   {column: "cost", nullable: true, value: func(h *headerRow) page.Key { return knownKey(h.Cost.Total) }},
	"experiment_id": {column: "experiment", value: func(h *headerRow) page.Key {
		n, _ := strconv.ParseInt(h.Experiment, 10, 64)
		return page.IntKey(n)
	}},
	"request_id": {column: "id", value: func(h *headerRow) page.Key { return page.StringKey(h.ID.Hex()) }},
}

func knownKey(n int64) page.Key {
	if n < 0 {
		return page.NullKey()
	}
	return page.IntKey(n)
}

func filledKey(s string) page.Key {
	if s == "" {
		return page.NullKey()
	}
	return page.StringKey(s)
}

// order compiles an order; ties break by start, newest first, then by id. A
// key that is a tag or metadata is left to sorting in memory: inMemory.
func order(list []filter.Order) (keys []sortKey, inMemory bool, err error) {
	seen := map[string]bool{}
	put := func(k sortKey, desc bool) {
		if seen[k.column] {
			return
		}
		seen[k.column] = true
		k.desc = desc
		keys = append(keys, k)
	}
	for _, o := range list {
		switch o.Field.Group {
		case filter.Attribute:
			k, ok := sortKeys[o.Field.Key]
			if !ok {
				return nil, false, fault.Invalidf("traces cannot be ordered by %s", o.Field.Key)
			}
			put(k, o.Desc)
		case filter.Tag, filter.Metadata:
			inMemory = true
			k := o.Field
			put(sortKey{column: k.String(), nullable: true, value: func(h *headerRow) page.Key {
				if k.Group == filter.Tag {
					return filledKey(h.Tags[k.Key])
				}
				if k.Key == tracing.MetaSession {
					return filledKey(h.Session)
				}
				return filledKey(h.Metadata[k.Key])
			}}, o.Desc)
		default:
			return nil, false, fault.Invalidf("traces cannot be ordered by %s", o.Field)
		}
	}
	put(sortKeys["timestamp_ms"], true)
	put(sortKeys["request_id"], false)
	return keys, inMemory, nil
}

func keysOf(keys []sortKey, h *headerRow) []page.Key {
	out := make([]page.Key, len(keys))
	for i, k := range keys {
		out[i] = k.value(h)
	}
	return out
}

// compareKeys orders two rows as the database does: missing values last.
func compareKeys(keys []sortKey, a, b []page.Key) int {
	for i, k := range keys {
		x, y := a[i], b[i]
		switch {
		case x.Kind == page.Null && y.Kind == page.Null:
			continue
		case x.Kind == page.Null:
			return 1
		case y.Kind == page.Null:
			return -1
		}
		c := cmp.Or(cmp.Compare(x.Int, y.Int), strings.Compare(x.Str, y.Str))
		if k.desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

func keyArg(k sortKey, v page.Key) any {
	if k.column == "id" {
		b, _ := hex.DecodeString(v.Str)
		return b
	}
	return v.Any()
}

// after is the condition for rows that sort behind one with values.
func after(keys []sortKey, values []page.Key) (string, []any) {
	k, v := keys[0], values[0]
	var strict, same string
	var strictArgs, sameArgs []any
	if v.Kind == page.Null {
		same = k.column + " IS NULL"
	} else {
		op := " > ?"
		if k.desc {
			op = " < ?"
		}
		strict, strictArgs = k.column+op, []any{keyArg(k, v)}
		if k.nullable {
			strict += " OR " + k.column + " IS NULL"
		}
		same, sameArgs = k.column+" = ?", strictArgs
	}
	if len(keys) == 1 {
		if strict == "" {
			return "1 = 0", nil
		}
		return "(" + strict + ")", strictArgs
	}
	rest, restArgs := after(keys[1:], values[1:])
	if strict == "" {
		return "(" + same + " AND " + rest + ")", slices.Concat(sameArgs, restArgs)
	}
	return "(" + strict + " OR (" + same + " AND " + rest + "))", slices.Concat(strictArgs, sameArgs, restArgs)
}
