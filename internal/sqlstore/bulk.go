package sqlstore

import "context"

// bulkSizes are the numbers of rows a multi-row statement may have, largest
// first: few, so that few texts are prepared.
var bulkSizes = [...]int{50, 10, 1}

// bulk is a statement with any number of rows of values, as the fixed texts of
// its sizes.
type bulk struct {
	width int
	texts [len(bulkSizes)]string
}

// newBulk makes the texts prefix + rows of width placeholders + suffix.
func newBulk(prefix string, width int, suffix string) bulk {
	b := bulk{width: width}
	for i, n := range bulkSizes {
		b.texts[i] = prefix + Rows(n, width) + suffix
	}
	return b
}

// exec runs b over all rows, whose values stand one after the other in args,
// and returns the number of rows changed.
func (b bulk) exec(ctx context.Context, db *DB, args []any) (int64, error) {
	var changed int64
	for i, size := range bulkSizes {
		for len(args) >= size*b.width {
			n, err := db.Exec(ctx, b.texts[i], args[:size*b.width]...)
			if err != nil {
				return changed, err
			}
			changed += n
			args = args[size*b.width:]
		}
	}
	return changed, nil
}

// listSizes are the lengths of padded IN lists.
var listSizes = [...]int{1, 10, 100, 1000}

// eachList calls fn with chunks of items as arguments of an IN list, padded
// with the last item to one of a few lengths, so that few texts are prepared.
func eachList[T any](items []T, fn func(marks string, args []any) error) error {
	for len(items) > 0 {
		size := listSizes[len(listSizes)-1]
		for _, s := range listSizes {
			if s >= len(items) {
				size = s
				break
			}
		}
		n := min(size, len(items))
		args := make([]any, size)
		for i := range args {
			args[i] = items[min(i, n-1)]
		}
		if err := fn(Marks(size), args); err != nil {
			return err
		}
		items = items[n:]
	}
	return nil
}
