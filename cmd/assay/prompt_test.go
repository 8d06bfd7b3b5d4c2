package main

import (
	"slices"
	"strings"
	"testing"
)

func TestDiffLines(t *testing.T) {
	for _, c := range [][3]string{
		{"", "", " "},
		{"a", "a", " a"},
		{"a b c", "a c", " a,-b, c"},
		{"a c", "a b c", " a,+b, c"},
		{"a b c d", "a x c y", " a,-b,+x, c,-d,+y"},
		{"x a", "a x", "-x, a,+x"},
	} {
		var got []string
		for _, l := range diffLines(strings.Split(c[0], " "), strings.Split(c[1], " ")) {
			got = append(got, l.Mark+l.Text)
		}
		if s := strings.Join(got, ","); s != c[2] {
			t.Errorf("diff of %q and %q is %q, want %q", c[0], c[1], s, c[2])
		}
	}
}

// A difference, read without its additions, is the old text; without its
// removals, the new one. Also when it is too large to compare line by line.
func FuzzDiffLines(f *testing.F) {
	f.Add("a\nb\nc", "b\nc\nd")
	f.Add("", "x")
	f.Add(strings.Repeat("a\n", 3000), strings.Repeat("b\na\n", 2000))
	f.Fuzz(func(t *testing.T, old, new string) {
		a, b := strings.Split(old, "\n"), strings.Split(new, "\n")
		var left, right []string
		for _, l := range diffLines(a, b) {
			if l.Mark != "+" {
				left = append(left, l.Text)
			}
			if l.Mark != "-" {
				right = append(right, l.Text)
			}
		}
		if !slices.Equal(left, a) || !slices.Equal(right, b) {
			t.Fatal("the difference does not hold both texts")
		}
	})
}

func TestTextFromOutsideCannotCommandATerminal(t *testing.T) {
	if got := line("a\x1b[31mred\x07\r\nb\u0085c"); got != "a [31mred b c" {
		t.Errorf("line: %q", got)
	}
	if got := lines("a\n\tb\x1b[2J"); got != "a\n\tb [2J" {
		t.Errorf("lines: %q", got)
	}
}
