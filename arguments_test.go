package main

import (
	"strings"
	"testing"
)

func TestArguments_OnlyHelpAndVersionAreKnown(t *testing.T) {
	for _, test := range []struct {
		arguments string
		says      string // on standard output
		wrong     bool
	}{
		{arguments: ""},
		{arguments: "--help", says: "causette --version"},
		{arguments: "-h", says: "causette --version"},
		{arguments: "--version", says: "causette "},
		{arguments: "--port=80", wrong: true},
		{arguments: "serve", wrong: true},
		{arguments: "--help me", wrong: true},
		{arguments: "--version --help", wrong: true},
		{arguments: "-", wrong: true},
		{arguments: "--", wrong: true},
		{arguments: "--HELP", wrong: true},
	} {
		t.Run(test.arguments, func(t *testing.T) {
			var out strings.Builder
			answered, err := answerArguments(strings.Fields(test.arguments), &out)
			if (err != nil) != test.wrong || err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is %v", err)
			}
			if answered != (test.says != "") || !strings.Contains(out.String(), test.says) {
				t.Errorf("answered: %t, with %q", answered, out.String())
			}
		})
	}
}

func TestArguments_AnEmptyOneIsOneToo(t *testing.T) {
	if answered, err := answerArguments([]string{""}, new(strings.Builder)); answered || err == nil {
		t.Errorf("answered: %t, with %v", answered, err)
	}
}
