package filter_test

import (
	"fmt"

	"github.com/assayhq/assay/internal/filter"
)

func ExampleParse() {
	expr, err := filter.Parse(filter.Runs, "metrics.acc >= 0.9 AND tags.`team name` LIKE 'nlp%' and run_id IN ('a', 'b')")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range expr {
		fmt.Println(c.Field, c.Op, c.Value.Num, c.Value.Str, c.Value.List)
	}
	_, err = filter.Parse(filter.Runs, "metrics.acc > 'high'")
	fmt.Println(err)
	// Output:
	// metric.acc >= 0.9  []
	// tag.team name LIKE 0 nlp% []
	// attribute.run_id IN 0  [a b]
	// Invalid filter for runs at character 15: Expected numeric value type for metric.acc. Found ''high''. Filter: 'metrics.acc > 'high''
}

func ExampleParseOrder() {
	orders, err := filter.ParseOrder(filter.Traces, []string{"timestamp DESC", "tags.`a b`"})
	fmt.Println(orders, err)
	// Output: [{attribute.timestamp_ms true} {tag.a b false}] <nil>
}
