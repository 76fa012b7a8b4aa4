//go:build !js

package mirror

// yield is for the browser.
func yield() {}
