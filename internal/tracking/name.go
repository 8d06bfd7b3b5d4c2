package tracking

import (
	"math/rand/v2"
	"strconv"
)

// Words of generated run names: a mood and an instrument or a tool of an
// assayer's bench.
var (
	moods = [...]string{
		"amber", "ample", "apt", "bold", "brave", "bright", "brisk", "calm", "candid", "careful", "clear", "clever",
		"cobalt", "crisp", "curious", "daring", "deft", "eager", "early", "even", "exact", "fair", "fine", "firm",
		"fleet", "frank", "fresh", "gentle", "golden", "grand", "hardy", "honest", "humble", "jolly", "keen", "kind",
		"late", "lively", "lucid", "mellow", "merry", "mild", "modest", "neat", "nimble", "noble", "patient", "plain",
		"polite", "proud", "pure", "quick", "quiet", "rapid", "ready", "robust", "rosy", "sharp", "silver", "smooth",
		"sober", "solid", "steady", "stout", "subtle", "sunny", "swift", "tidy", "true", "vivid", "warm", "wise",
	}
	things = [...]string{
		"alloy", "anvil", "balance", "beacon", "beaker", "bellows", "brush", "burner", "caliper", "carat", "chisel",
		"coin", "compass", "copper", "crucible", "cupel", "dial", "file", "filter", "flask", "flux", "forge", "funnel",
		"gauge", "grain", "graver", "hallmark", "hammer", "ingot", "kiln", "ladle", "lantern", "ledger", "lens", "level",
		"lever", "loupe", "magnet", "mallet", "mortar", "needle", "nugget", "ore", "pestle", "pincer", "plumb", "prism",
		"quartz", "retort", "ruler", "scale", "scribe", "seal", "sextant", "sieve", "spark", "stamp", "still", "stone",
		"tongs", "touchstone", "tracer", "vial", "weight",
	}
)

// randomName names a run that nobody named.
func randomName() string {
	return moods[rand.IntN(len(moods))] + "-" + things[rand.IntN(len(things))] + "-" + strconv.Itoa(rand.IntN(1000))
}
