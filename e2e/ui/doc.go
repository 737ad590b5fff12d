// Package ui holds the page to what it promises, in a real Chromium: one test
// for each numbered point, named after it (TestUI16_…).
//
// The server runs in the test's own process, each test's on a port of its own
// with a Redis of its own, so that a test can stop it, start it again and answer
// in its place. One Chromium serves all tests of a run; each window has a browser
// context of its own, and so its own cookies, storage and shared worker.
package ui
