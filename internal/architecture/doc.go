// Package architecture holds no code, only the tests that keep the house as
// docs/architecture.md draws it: which package may import which, where the
// heavy libraries stand, and the rules of style that a program can check.
//
// The rules are data in rules_test.go. They read the source alone and need
// nothing but Go, so they run with every go test ./...
package architecture
