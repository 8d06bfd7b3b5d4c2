package price

import "testing"

// Prices are looked up for every model call that comes in.
func BenchmarkLookup(b *testing.B) {
	table, _ := Snapshot()
	for name, c := range map[string][2]string{
		"listed":   {"openai", "gpt-4o"},
		"regional": {"aws.bedrock", "us.anthropic.claude-3-5-haiku-20241022-v1:0"},
		"unknown":  {"openai", "my-own-model-2026-01-01"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				table.Lookup(c[0], c[1], today)
			}
		})
	}
}
