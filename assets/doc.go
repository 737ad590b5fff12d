// Package assets holds what a browser loads beside the page: scripts, styles,
// icons. All of it is embedded, and served under one prefix that carries a hash
// of the whole, so that modules import each other by relative paths and
// everything may be cached for good.
//
// There is no build step: what is in js/ and css/ is what is served. Tests
// (*.test.mjs) lie beside what they test and are not embedded.
//
// # Concurrency
//
// Everything is static after the package was initialised, and safe for
// concurrent use.
package assets
