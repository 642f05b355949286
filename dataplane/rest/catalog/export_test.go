package catalog

// Reload loads a catalog with what an earlier one has.
var Reload = load
