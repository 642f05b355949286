package query

// MediaType is one choice of an Accept header, or a Content-Type.
type MediaType struct {
	// Type is "type/subtype" in lower case, or "*/*" or "type/*".
	Type string
	// Params are its parameters but q, with names in lower case; nil for none.
	Params map[string]string
}
