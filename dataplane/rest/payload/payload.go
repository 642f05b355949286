// Package payload reads the bodies of writes and calls: JSON, CSV and forms. It looks at them object by object and holds no more
// than the body itself.
package payload

// Body is a request's body, read and checked.
type Body struct {
	// JSON is an array of objects, an object, or any other JSON value, as text; CSV and forms have become JSON. For a raw body it is nil.
	JSON []byte
	// Raw is a body of a type that only functions of a single unnamed argument take (text/plain, text/xml, application/octet-stream).
	Raw []byte
	// Type is the Content-Type without parameters, in lower case; "application/json" when there was none.
	Type string
	// Array tells that JSON is an array of objects, Object that it is one object.
	Array, Object bool
	// Rows is how many objects there are.
	Rows int
	// Keys are those of the first object, in its order; Uniform tells that all have the same.
	Keys    []string
	Uniform bool
}
