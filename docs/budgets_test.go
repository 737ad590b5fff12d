package docs_test

import (
	"regexp"
	"strings"
	"testing"
)

// Every row of budgets.md's tables names a metric that the code has, or says that it
// needs none, and tests that exist.
func TestBudgets_EveryRowNamesAMetricAndTestsThatExist(t *testing.T) {
	tests, metrics := testNames(t), metricNames(t)
	quoted := regexp.MustCompile("`([^`]+)`")
	rows := 0
	for line := range strings.Lines(read(t, "budgets.md")) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 6 || strings.HasPrefix(line, "|---") || strings.HasSuffix(strings.TrimSpace(line), "| tests |") {
			continue
		}
		rows++
		metric, named := cells[4], quoted.FindAllStringSubmatch(cells[5], -1)
		for _, m := range quoted.FindAllStringSubmatch(metric, -1) {
			if name, _, _ := strings.Cut(m[1], "{"); !metrics[name] {
				t.Errorf("there is no metric %s: %s", name, line)
			}
		}
		if len(named) == 0 {
			t.Errorf("no test is named in %s", line)
		}
		for _, name := range named {
			if !tests[name[1]] {
				t.Errorf("there is no %s: %s", name[1], line)
			}
		}
	}
	if rows < 15 {
		t.Errorf("only %d rows were found", rows)
	}
}

// metricNames are the metrics that the packages make.
func metricNames(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	for _, pattern := range []string{"../*.go", "../api/*.go", "../sse/*.go", "../store/*.go", "../conns/*.go"} {
		for _, path := range glob(t, pattern) {
			for _, match := range regexp.MustCompile(`"(causette_\w+)"`).FindAllStringSubmatch(read(t, path), -1) {
				names[match[1]] = true
			}
		}
	}
	return names
}
