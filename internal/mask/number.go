package mask

// maxNumber is how far a number with its separators reaches.
const maxNumber = 48

// numberAt finds a card, phone, bank account or IPv4 address that begins with
// the digit, + or ( at i.
func (r *Rules) numberAt(text string, done, i int) (from, to int, k kind) {
	if r.on[iban] && digit(text[i]) {
		if from, to = ibanAt(text, done, i); to > 0 {
			return from, to, iban
		}
	}
	if i > 0 {
		switch p := text[i-1]; {
		case wordByte(p) && !escapeLetter(text, i-1):
			return 0, 0, 0
		case (p == '.' || p == '-' || p == '/') && i > 1 && i > done && (wordByte(text[i-2])):
			return 0, 0, 0 // inside 1.2.3 or a-1-2
		}
	}
	if digit(text[i]) {
		if r.on[ip] {
			if to = ip4At(text, i); to > 0 {
				return i, to, ip
			}
		}
		if r.on[card] {
			if to = cardAt(text, i); to > 0 {
				return i, to, card
			}
		}
	}
	if r.on[phone] {
		if to = phoneAt(text, i); to > 0 {
			return i, to, phone
		}
	}
	return 0, 0, 0
}

// escapeLetter reports whether the byte at i ends an escape such as \n, so
// that it is no part of a word.
func escapeLetter(text string, i int) bool {
	for back := max(0, i-5); back < i; back++ {
		if text[back] == '\\' && !escaped(text, back) {
			if _, n := escape(text[back:]); back+n == i+1 {
				return true
			}
		}
	}
	return false
}

// ends reports whether a number may end before i.
func ends(text string, i int) bool {
	if i >= len(text) {
		return true
	}
	c := text[i]
	if wordByte(c) {
		return false
	}
	if (c == '-' || c == '.') && i+1 < len(text) && alnum(text[i+1]) {
		return c == '.' && letter(text[i+1]) // the end of a sentence
	}
	return true
}

// cardAt finds a payment card number: 12 to 19 digits, perhaps in groups by
// one kind of separator, in the range of a brand, with a right check digit.
func cardAt(text string, i int) (to int) {
	var digits [20]byte
	n := 0
	sep := byte(0)
	at := i
	for at < len(text) && at-i < maxNumber {
		c := text[at]
		if digit(c) {
			if n == 19 {
				return 0
			}
			digits[n] = c - '0'
			n++
			at++
			to = at
			continue
		}
		if (c == ' ' || c == '-' || c == '.') && (sep == 0 || sep == c) && n >= 3 && at+1 < len(text) && digit(text[at+1]) {
			sep = c
			at++
			continue
		}
		break
	}
	if n < 13 || to < len(text) && wordByte(text[to]) || !brand(digits[:n]) || !luhn(digits[:n]) {
		return 0
	}
	return to
}

// brand reports whether digits are of a length and range that is issued.
func brand(d []byte) bool {
	n := len(d)
	two := int(d[0])*10 + int(d[1])
	four := two*100 + int(d[2])*10 + int(d[3])
	switch {
	case d[0] == 4: // Visa
		return n == 13 || n == 16 || n == 19
	case two >= 51 && two <= 55, four >= 2221 && four <= 2720: // Mastercard
		return n == 16
	case two == 34 || two == 37: // American Express
		return n == 15
	case two == 36 || two == 38 || two == 39 || four >= 3000 && four <= 3059: // Diners
		return n >= 14 && n <= 19
	case four == 6011 || two == 65 || four >= 6440 && four <= 6499, two == 62: // Discover, UnionPay
		return n >= 16
	case four >= 3528 && four <= 3589: // JCB
		return n >= 16
	case two == 50 || two >= 56 && two <= 58 || two == 63 || two == 67: // Maestro
		return n >= 13
	}
	return false
}

// luhn is the check of ISO/IEC 7812-1, Annex B.
func luhn(d []byte) bool {
	sum := 0
	for i := range d {
		v := int(d[len(d)-1-i])
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}

// phoneAt finds a telephone number: international, with + or 00, or national
// with a trunk 0 or in the North American form.
func phoneAt(text string, i int) (to int) {
	var groups [12]int // digits between separators
	n, g, at := 0, 0, i
	open := false
	if text[at] == '+' {
		at++
	}
	seps := 0 // separators since the last digit
	lone := true
	for at < len(text) && at-i < maxNumber {
		c := text[at]
		switch {
		case digit(c):
			if seps > 0 && n > 0 {
				if g++; g == len(groups) {
					return 0
				}
			}
			if n == 0 {
				g = 0
			}
			groups[g]++
			n++
			seps = 0
			at++
			to = at
			continue
		case c == '(' && !open && seps <= 1:
			open = true
		case c == ')' && open && seps == 0:
			open = false
		case c == ' ' || c == '-' || c == '.' || c == '/':
			lone = false
		case c == 0xC2 && at+1 < len(text) && text[at+1] == 0xA0: // no-break space
			at++
			lone = false
		default:
			c = 0
		}
		if c == 0 || seps == 3 {
			break
		}
		seps++
		at++
	}
	if to == 0 || !ends(text, to) {
		return 0
	}
	list := groups[:g+1]
	switch {
	case text[i] == '+':
		if n < 8 || n > 15 {
			return 0
		}
	case text[i] == '(':
		if !(n == 10 && g == 2 && list[0] == 3 && list[1] == 3) && !(text[i+1:i+2] == "0" && n >= 9 && n <= 12) {
			return 0
		}
	case text[i] == '0' && i+1 < len(text) && text[i+1] == '0':
		if n < 11 || n > 17 || text[i+2] == '0' || lone && n < 12 {
			return 0
		}
	case text[i] == '0':
		return national(text, list, n, to)
	case n == 10 && g == 2 && list[0] == 3 && list[1] == 3 && text[i] >= '2':
	case n == 11 && text[i] == '1' && g == 3 && list[0] == 1 && list[1] == 3 && list[2] == 3:
	default:
		return 0
	}
	return to
}

// national is a number with a trunk 0: an area code and the rest, or pairs.
func national(text string, groups []int, n, to int) int {
	if n < 9 || n > 12 || len(groups) < 2 {
		return 0
	}
	if pairs(groups) {
		if n == 10 {
			return to
		}
		return 0
	}
	if groups[0] < 2 || groups[0] > 6 || groups[1] < 3 {
		return 0
	}
	return to
}

func pairs(groups []int) bool {
	for _, g := range groups {
		if g != 2 {
			return false
		}
	}
	return true
}

// ip4At finds four numbers up to 255 between dots.
func ip4At(text string, i int) (to int) {
	at := i
	for part := range 4 {
		v, n := 0, 0
		for at < len(text) && digit(text[at]) && n < 4 {
			v = v*10 + int(text[at]-'0')
			at++
			n++
		}
		if n == 0 || n > 3 || v > 255 {
			return 0
		}
		if part < 3 {
			if at >= len(text) || text[at] != '.' {
				return 0
			}
			at++
		}
	}
	if at < len(text) && (wordByte(text[at]) || text[at] == '.' && at+1 < len(text) && digit(text[at+1])) {
		return 0
	}
	return at
}

// ibanAt finds an IBAN whose check digits begin at i.
func ibanAt(text string, done, i int) (from, to int) {
	from = i - 2
	if from < done || from < 0 || !upper(text[from]) || !upper(text[from+1]) || i+2 > len(text) || i+1 < len(text) && !digit(text[i+1]) {
		return 0, 0
	}
	if from > 0 && wordByte(text[from-1]) && !escapeLetter(text, from-1) {
		return 0, 0
	}
	var chars [34]byte
	n := 0
	for at := from; at < len(text) && n < len(chars); at++ {
		c := text[at]
		if digit(c) || upper(c) {
			chars[n] = c
			n++
			to = at + 1
			// The longest run that checks is wanted, so go on.
			if n >= 15 && (to == len(text) || !wordByte(text[to])) && mod97(chars[:n]) == 1 {
				return from, to
			}
			continue
		}
		if (c != ' ' && c != '-') || at+1 >= len(text) || !(digit(text[at+1]) || upper(text[at+1])) {
			break
		}
	}
	return 0, 0
}

func upper(c byte) bool { return c >= 'A' && c <= 'Z' }

// mod97 is the check of ISO 13616: the first four characters moved to the end,
// letters as 10 to 35.
func mod97(s []byte) int {
	v := 0
	step := func(c byte) {
		if digit(c) {
			v = (v*10 + int(c-'0')) % 97
			return
		}
		v = (v*100 + int(c-'A') + 10) % 97
	}
	for _, c := range s[4:] {
		step(c)
	}
	for _, c := range s[:4] {
		step(c)
	}
	return v
}
