package store

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	maxWord       = 64    // bytes of a word that count; the rest is cut in texts and queries alike
	maxTextWords  = 2_000 // different words of one object
	maxQueryWords = 16
	maxIndexed    = 255 // bytes of a value that a filter's index takes
)

// words cuts text into its different words: runs of letters and digits, in lower
// case, without accents. Both databases get words that are cut here, so that
// they find the same; nothing but letters and digits ever reaches their query
// languages.
func words(text string, most int) []string {
	if !isASCII(text) {
		text = norm.NFKD.String(strings.ToValidUTF8(text, " "))
	}
	found := []string{}
	seen := map[string]bool{}
	var word strings.Builder
	end := func() {
		w := cut(word.String(), maxWord)
		word.Reset()
		if w != "" && !seen[w] && len(found) < most {
			seen[w] = true
			found = append(found, w)
		}
	}
	for _, r := range text {
		switch {
		case wordRune(r):
			word.WriteRune(unicode.ToLower(r))
		case unicode.Is(unicode.Mn, r): // an accent that NFKD set apart
		default:
			end()
		}
	}
	end()
	return found
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// term is a word as it lies in object_search. It begins with its kind, so that
// the words of a numerous kind do not slow down the search for another; the rune
// between, of the private use area, is part of no word.
func term(kind, word string) string { return kind + "\ue000" + word }

// foldedKind is a kind as terms begin with it.
func foldedKind(kind string) string { return strings.Join(words(kind, maxQueryWords), "") }

// searchTokens is what object_search keeps of an object's text.
func searchTokens(kind, text string) string {
	found := words(text, maxTextWords)
	kind = foldedKind(kind)
	for i, w := range found {
		found[i] = term(kind, w)
	}
	return strings.Join(found, " ")
}

// cut shortens text to at most n bytes without breaking a rune.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// storable says that both databases can keep the text.
func storable(text string) bool {
	return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0
}

// indexed is the form of a label's or field's value in its index. Long values,
// which an index of PostgreSQL refuses, stand there by their digest.
func indexed(value string) string {
	if len(value) <= maxIndexed && storable(value) {
		return value
	}
	sum := sha256.Sum256([]byte(value))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// plainTitle is the title by which a search scores.
func plainTitle(title string) string {
	return cut(strings.ReplaceAll(strings.ToValidUTF8(title, ""), "\x00", ""), maxIndexed)
}
