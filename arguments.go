package main

import (
	"fmt"
	"io"
	"runtime/debug"
	"strings"
)

const usage = `Causette is a chat server: JSON over HTTP in, Server-Sent Events out.

    causette             serves until it is stopped
    causette --help      prints this
    causette --version   prints the version

It takes no other arguments. Environment variables, or a file .env in the working
directory, configure it; .env.example and README.md list them.
`

// answerArguments does what the command line asks for, where that is not to serve. The
// error is a line about an argument that there is not.
func answerArguments(arguments []string, out io.Writer) (answered bool, err error) {
	if len(arguments) == 0 {
		return false, nil
	}
	answer := ""
	switch arguments[0] {
	case "--help", "-help", "-h":
		answer = usage
	case "--version", "-version":
		answer = "causette " + version() + "\n"
	}
	if answer == "" || len(arguments) > 1 {
		return false, fmt.Errorf("causette: it takes no arguments, and was given %q; see causette --help", strings.Join(arguments, " "))
	}
	_, err = io.WriteString(out, answer)
	return true, err
}

// version is the module's version, as far as the build knows one, and the commit it is of.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	commit, changed := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = " " + s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " with changes"
		}
	}
	return info.Main.Version + commit + changed + " " + info.GoVersion
}
