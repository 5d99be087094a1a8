// Package routes reads the paths by which a program in Go answers, each with
// what the groups that it is in put in front. Types are not followed: a router is
// known by how it is made, and by the places that hand it on. What is not known
// is said to be unknown; no input keeps it busy for long.
package routes
