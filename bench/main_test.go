package main

import "testing"

func TestParseOptions_RefusesAPartThatThereIsNot(t *testing.T) {
	if _, err := parseOptions([]string{"-parts", "1000,burst,post,pair,named"}); err != nil {
		t.Error(err)
	}
	if _, err := parseOptions([]string{"-parts", "post,500"}); err == nil {
		t.Error("500 readers are not among -readers, and were taken for a part")
	}
}

func TestOptions_OnlyAWholeRunIsForTheDocs(t *testing.T) {
	for _, c := range []struct {
		arguments []string
		whole     bool
	}{
		{[]string{"-docs"}, true},
		{[]string{"-docs", "-runs", "5"}, true},
		{[]string{"-docs", "-quick"}, false},
		{[]string{"-docs", "-only", "nchan"}, false},
		{[]string{"-docs", "-parts", "post"}, false},
	} {
		if o, err := parseOptions(c.arguments); err != nil || o.whole() != c.whole {
			t.Errorf("%q: whole %t, %v", c.arguments, o.whole(), err)
		}
	}
}
