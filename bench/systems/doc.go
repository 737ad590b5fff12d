// Package systems has what the benchmark measures: how each server is got,
// started and spoken to. Ours, the floor that no server goes below, what most
// people would write, and rivals. Nothing of a rival is kept in the repository: a
// rival is installed into a cache outside it by its own package manager, and one
// that cannot be had is reported as such.
package systems
