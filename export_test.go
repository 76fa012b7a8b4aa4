package millpond

// ScanJSON is for the tests outside of the package.
var ScanJSON = scanJSON
