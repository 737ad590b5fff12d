// Package templates turns what is in a room into the page that a browser gets:
// the newest messages are in the HTML, so there is something to read at the
// first response and without a script.
//
// The script adds rows by cloning the page's <template> elements, which the same
// Go templates fill: a row from the server and a row from the script are the
// same markup. The rules behind a row's look (groups, links, mentions, colours)
// are therefore in two languages; testdata/*.json holds both to the same answers.
//
// It never reads the network, the clock or a cookie, and never builds HTML but
// through html/template.
//
// # Concurrency
//
// A [Templates] is static after [New], and safe for concurrent use.
package templates
