package api

import (
	"strings"
	"testing"
)

func TestExcerptShowsThePlaceOfTheWord(t *testing.T) {
	long := strings.Repeat("vor ", 100) + "die GRÖSSE des Wortes" + strings.Repeat(" nach", 100)
	got := excerpt(long, "größe")
	if strings.Contains(got, "GRÖSSE") { // ß and SS are no case pair; nothing is found, so the beginning is shown
		t.Errorf("excerpt around ß: %q", got)
	}
	got = excerpt(long, "grösse")
	if !strings.Contains(got, "GRÖSSE") || !strings.HasPrefix(got, "…") || !strings.HasSuffix(got, "…") {
		t.Errorf("excerpt: %q", got)
	}
	if n := len([]rune(got)); n > 122 {
		t.Errorf("excerpt has %d characters", n)
	}
	for _, c := range [][3]string{{"a\n b", "b", "a b"}, {"", "x", ""}, {"株価 AMZ", "株", "株価 AMZ"}, {"kurz", "", "kurz"}} {
		if got := excerpt(c[0], c[1]); got != c[2] {
			t.Errorf("excerpt(%q, %q) = %q, want %q", c[0], c[1], got, c[2])
		}
	}
}
