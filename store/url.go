package store

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// errURL is all that is said of a URL that is wrong: what the parsers say repeats
// pieces of it, and so of a password.
var errURL = errors.New("it does not parse, or a part of it would go unread; " +
	"special characters in a user or password are percent-encoded, such as %23 for #, %2F for /, %3F for ? and %25 for %")

// databaseForm is a URL's path: none, or a database's number.
var databaseForm = regexp.MustCompile(`^/?[0-9]{0,9}$`)

// parseURL reads a Redis URL. It refuses what a special character that stands as it
// is in a password makes of one: a URL that parses, of which a piece of the password
// is the host, the path, a parameter, or nothing. Its error repeats nothing of the URL.
func parseURL(redisURL string) (*url.URL, error) {
	u, err := url.Parse(redisURL)
	if err != nil || strings.Contains(redisURL, "#") || u.Opaque != "" {
		return nil, errURL
	}
	if u.Scheme != "unix" && !databaseForm.MatchString(u.Path) {
		return nil, errURL
	}
	query, err := url.ParseQuery(u.RawQuery) // u.Query leaves out what it cannot read
	if err != nil {
		return nil, errURL
	}
	for name, values := range query {
		if name != "username" && name != "password" && strings.Contains(name+strings.Join(values, ""), "@") {
			return nil, errURL
		}
	}
	return u, nil
}
