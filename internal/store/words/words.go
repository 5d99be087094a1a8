// Package words makes words of texts, of those that are kept as of those that are
// looked for, and values that both databases can index.
package words

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxQuery is how many different words of a query count.
const MaxQuery = 16

const (
	maxWord    = 64    // bytes of a word that count; the rest is cut in texts and queries alike
	maxText    = 2_000 // different words of one object
	maxIndexed = 255   // bytes of a value that a filter's index takes
)

// Of cuts text into its different words: runs of letters and digits, in lower
// case, without accents. Both databases get words that are cut here, so that
// they find the same; nothing but letters and digits ever reaches their query
// languages.
func Of(text string, most int) []string {
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

// Term is a word of an object of a kind, as it lies in object_search. It begins with
// its kind, so that the words of a numerous kind do not slow down the search for
// another; the rune between, of the private use area, is part of no word.
func Term(kind, word string) string { return foldedKind(kind) + between + word }

const between = "\ue000"

// foldedKind is a kind as terms begin with it.
func foldedKind(kind string) string { return strings.Join(Of(kind, MaxQuery), "") }

// Tokens is what object_search keeps of an object's text.
func Tokens(kind, text string) string {
	found := Of(text, maxText)
	kind = foldedKind(kind)
	for i, w := range found {
		found[i] = kind + between + w
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

// Storable says that both databases can keep the text.
func Storable(text string) bool {
	return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0
}

// Indexed is the form of a label's or field's value in its index. Long values,
// which an index of PostgreSQL refuses, stand there by their digest.
func Indexed(value string) string {
	if len(value) <= maxIndexed && Storable(value) {
		return value
	}
	sum := sha256.Sum256([]byte(value))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Title is the title by which a search scores.
func Title(title string) string {
	return cut(strings.ReplaceAll(strings.ToValidUTF8(title, ""), "\x00", ""), maxIndexed)
}

// Fold gives text in which words can be looked for as they are.
func Fold(text string) string {
	if isASCII(text) {
		return strings.ToLower(text)
	}
	return strings.Join(Of(text, maxText), " ")
}

// Fit gives equal if the folded text holds the word, prefix if one of its words
// begins with it, else 0.
func Fit(text, word string, equal, prefix int) int {
	points := 0
	for at := 0; ; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			return points
		}
		i += at
		at = i + len(word)
		if before, _ := utf8.DecodeLastRuneInString(text[:i]); i > 0 && wordRune(before) {
			continue
		}
		if next, _ := utf8.DecodeRuneInString(text[at:]); at == len(text) || !wordRune(next) {
			return equal
		}
		points = prefix
	}
}
