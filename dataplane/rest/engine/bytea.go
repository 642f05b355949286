package engine

import (
	"bytes"
	"encoding/hex"
)

// decodeBytea reads the text form of bytes.
func decodeBytea(text []byte) []byte {
	if bytes.HasPrefix(text, []byte(`\x`)) {
		out := make([]byte, hex.DecodedLen(len(text)-2))
		if _, err := hex.Decode(out, text[2:]); err == nil {
			return out
		}
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && text[i+1] == '\\':
			out = append(out, '\\')
			i++
		case c == '\\' && i+3 < len(text):
			out = append(out, (text[i+1]-'0')<<6|(text[i+2]-'0')<<3|(text[i+3]-'0'))
			i += 3
		default:
			out = append(out, c)
		}
	}
	return out
}
