package plan

import (
	"iter"
	"maps"
	"strings"
	"unicode"
	"unicode/utf8"
)

// longestName bounds what is compared, in bytes: names have 63 at most, lists of arguments' names more.
const longestName = 255

// similar finds the name that is most like one that is not there, if it is at least as like as least says (one is the same, zero has
// nothing in common), or returns "". Names that share three letters in a row come before those that share but two.
func similar(name string, names iter.Seq[string], least float64) string {
	if len(name) > longestName {
		return ""
	}
	name = strings.ToLower(name)
	for size := 3; size >= 2; size-- {
		grams := gramsOf(name, size)
		best, high := "", least
		for other := range names {
			lower := strings.ToLower(other)
			longest := max(len(name), len(lower))
			if other == name || len(lower) > longestName || float64(min(len(name), len(lower)))/float64(longest) < high || !shares(grams, lower, size) {
				continue
			}
			score := 1 - float64(distance(name, lower, int((1-high)*float64(longest))+1))/float64(longest)
			if score > high || (score == high && (best == "" || other < best)) {
				best, high = other, score
			}
		}
		if best != "" {
			return best
		}
	}
	return ""
}

func similarIn(name string, names map[string]bool) string {
	return similar(name, maps.Keys(names), 0.33)
}

func gramsOf(name string, size int) map[string]bool {
	name = plainLetters(name)
	grams := make(map[string]bool, len(name))
	for i := 0; i+size <= len(name); i++ {
		grams[name[i:i+size]] = true
	}
	return grams
}

// shares reports whether a name has one of the grams, without making its own: there may be thousands of names.
func shares(grams map[string]bool, name string, size int) bool {
	var room [2*longestName + 2]byte
	letters := append(room[:0], '-')
	for _, c := range name {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			letters = utf8.AppendRune(letters, c)
		}
	}
	letters = append(letters, '-')
	for i := 0; i+size <= len(letters); i++ {
		if grams[string(letters[i:i+size])] {
			return true
		}
	}
	return false
}

// plainLetters is a name's letters and digits between marks of its ends.
func plainLetters(name string) string {
	return "-" + strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, name) + "-"
}

// distance is Levenshtein's, or more than most when it is more than that.
func distance(a, b string, most int) int {
	var room [longestName + 1]int
	row := room[:len(b)+1]
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		least := row[0]
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
			least = min(least, row[j+1])
		}
		if least > most {
			return least
		}
	}
	return row[len(b)]
}
