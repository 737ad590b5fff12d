//go:build !unix

package embedded

import "io/fs"

// Elsewhere modes say nothing of others: the temporary directory is the user's own.
func private(string, fs.FileInfo) error { return nil }

func unmovable(string, fs.FileInfo) error { return nil }
