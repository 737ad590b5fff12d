// Package locales holds every sentence that Causette says to a person, in each
// language it speaks: flat JSON files that the server reads and hands to the page.
//
// A key that counts has one entry for each plural form: people.one, people.other.
// A placeholder is a name in braces: {name}.
//
// It never formats dates or numbers (the page does, through Intl), and never
// reads anything after the program started.
//
// # Concurrency
//
// Everything here is static after the package was initialised, and safe for
// concurrent use.
package locales
