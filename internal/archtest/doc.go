// Package archtest holds the house to its plan: who may import whom, how large things may grow, that packages are
// explained, and that generated files and pages are fresh. It has tests only.
package archtest
