//go:build !js

package main

func main() { println("this is a program for a browser: build it with GOOS=js GOARCH=wasm") }
