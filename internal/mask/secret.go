package mask

import "strings"

// secretAt finds a key or token around the byte at i.
func secretAt(text string, done, i int) (from, to int) {
	switch text[i] {
	case '-':
		return dashed(text, done, i)
	case '_':
		return underscored(text, done, i)
	case 'A':
		return capital(text, done, i)
	case 'J':
		return jwt(text, done, i)
	case 'B', 'b':
		return bearer(text, i)
	case '.':
		if i >= done+4 && text[i-4:i] == "ya29" {
			return token(text, done, i-4, i+1, 20, false)
		}
	case '=', ':':
		return assigned(text, done, i)
	}
	return 0, 0
}

// token is text from start, whose rest from body on is at least n characters
// of a token; dotted says whether dots are among them.
func token(text string, done, start, body, n int, dotted bool) (from, to int) {
	if start < done || start > 0 && alnum(text[start-1]) && !escapeLetter(text, start-1) {
		return 0, 0
	}
	for to = body; to < len(text) && (tokenByte(text[to]) || dotted && text[to] == '.'); to++ {
	}
	if to-body < n {
		return 0, 0
	}
	return start, to
}

func tokenByte(c byte) bool { return alnum(c) || c == '_' || c == '-' }

// dashed are sk-…, xoxb-… and PEM.
func dashed(text string, done, i int) (from, to int) {
	switch {
	case i >= done+2 && text[i-2:i] == "sk":
		from, to = token(text, done, i-2, i+1, 16, false)
		if to > 0 && !strings.ContainsAny(text[i:to], "0123456789") {
			return 0, 0 // words, not a key
		}
		return from, to
	case i >= done+4 && text[i-4:i-1] == "xox" && strings.IndexByte("abeoprs", text[i-1]) >= 0:
		return token(text, done, i-4, i+1, 10, false)
	case i >= done+4 && text[i-4:i] == "xapp":
		return token(text, done, i-4, i+1, 10, false)
	case strings.HasPrefix(text[i:], "-----BEGIN "):
		return pem(text, i)
	}
	return 0, 0
}

// maxPEM bounds a private key whose end is missing.
const maxPEM = 16 << 10

// pem is a private key with its frame; one without an end reaches as far as
// base64 does.
func pem(text string, i int) (from, to int) {
	head := text[i:min(len(text), i+80)]
	if !strings.Contains(head, "PRIVATE KEY") {
		return 0, 0
	}
	rest := text[i:min(len(text), i+maxPEM)]
	if end := strings.Index(rest, "-----END "); end >= 0 {
		if close := strings.Index(rest[end+9:], "-----"); close >= 0 {
			return i, i + end + 9 + close + 5
		}
	}
	to = i + strings.Index(head, "PRIVATE KEY") + len("PRIVATE KEY")
	for to < i+len(rest) && (alnum(text[to]) || strings.IndexByte("-+/= \n\r\t\\:,.", text[to]) >= 0) {
		to++
	}
	return i, to
}

// underscored are ghp_… and its like.
func underscored(text string, done, i int) (from, to int) {
	switch {
	case i >= done+3 && text[i-3:i-1] == "gh" && strings.IndexByte("pousr", text[i-1]) >= 0:
		return token(text, done, i-3, i+1, 20, false)
	case i >= done+6 && text[i-6:i] == "github" && strings.HasPrefix(text[i:], "_pat_"):
		return token(text, done, i-6, i+5, 20, false)
	case i >= done+2 && (text[i-2:i] == "sk" || text[i-2:i] == "rk" || text[i-2:i] == "hf"): // Stripe, Hugging Face
		from, to = token(text, done, i-2, i+1, 20, false)
		if to > 0 && !strings.ContainsAny(text[i:to], "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			return 0, 0
		}
		return from, to
	}
	return 0, 0
}

// capital are AKIA… and AIza….
func capital(text string, done, i int) (from, to int) {
	rest := text[i:]
	switch {
	case strings.HasPrefix(rest, "AIza"):
		return token(text, done, i, i+4, 30, false)
	case strings.HasPrefix(rest, "AKIA"), strings.HasPrefix(rest, "ASIA"), strings.HasPrefix(rest, "AGPA"), strings.HasPrefix(rest, "AROA"), strings.HasPrefix(rest, "AIDA"):
		if from, to = token(text, done, i, i+4, 16, false); to > 0 && strings.ToUpper(text[i:to]) == text[i:to] {
			return from, to
		}
	}
	return 0, 0
}

// jwt is eyJ… . eyJ… . signature.
func jwt(text string, done, i int) (from, to int) {
	if i < done+2 || text[i-2:i] != "ey" {
		return 0, 0
	}
	from, to = token(text, done, i-2, i+1, 8, true)
	if to == 0 || strings.Count(text[from:to], ".") < 1 {
		return 0, 0
	}
	for to > from && text[to-1] == '.' {
		to--
	}
	return from, to
}

// bearer is the token of an Authorization header.
func bearer(text string, i int) (from, to int) {
	if len(text)-i < 7 || !strings.EqualFold(text[i:i+6], "bearer") || i > 0 && alnum(text[i-1]) && !escapeLetter(text, i-1) {
		return 0, 0
	}
	from = i + 6
	for from < len(text) && (text[from] == ' ' || text[from] == ':' || text[from] == '\t') {
		from++
	}
	if from == i+6 {
		return 0, 0
	}
	return credential(text, from, 8, true)
}

// credential is what stands from from on, if it looks like a secret: at least
// n characters, not all letters in one case unless certain.
func credential(text string, from, n int, strict bool) (int, int) {
	to := from
	for to < len(text) && (tokenByte(text[to]) || strings.IndexByte("./+=~", text[to]) >= 0) {
		to++
	}
	for to > from && (text[to-1] == '.' || text[to-1] == '/') {
		to--
	}
	if to-from < n {
		return 0, 0
	}
	if strict {
		s := text[from:to]
		if !strings.ContainsAny(s, "0123456789") && strings.ToLower(s) == s {
			return 0, 0 // a word of a sentence
		}
	}
	return from, to
}

// names of settings that hold secrets, as they end, in small letters.
var secretNames = []string{"apikey", "api_key", "api-key", "secret", "secretkey", "secret_key", "secret-key", "secretaccesskey",
	"access_token", "accesstoken", "auth_token", "authtoken", "password", "passwd", "client_secret", "private_key", "x-api-key",
	"secret_access_key", "account_key", "accountkey", "refresh_token", "session_token", "access_key"}

// assigned is the value of name=value, name: value and "name": "value".
func assigned(text string, done, i int) (from, to int) {
	end := i
	for end > done && i-end < 8 && (text[end-1] == '"' || text[end-1] == '\'' || text[end-1] == ' ' || text[end-1] == '\\') {
		end--
	}
	if end == done || end == 0 || strings.IndexByte("yYtTnNdD", text[end-1]) < 0 {
		return 0, 0
	}
	start := end
	for start > done && end-start < 24 && tokenByte(text[start-1]) {
		start--
	}
	name := strings.ToLower(text[start:end])
	known := false
	for _, s := range secretNames {
		if strings.HasSuffix(name, s) {
			known = true
			break
		}
	}
	if !known {
		return 0, 0
	}
	from = i + 1
	for from < len(text) && from-i < 12 && strings.IndexByte(" \"'\\>=:", text[from]) >= 0 {
		from++
	}
	if from < len(text) && (text[from] == '[' || strings.HasPrefix(text[from:], "null") || strings.HasPrefix(text[from:], "earer ")) {
		return 0, 0
	}
	return credential(text, from, 8, false)
}
