package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// render writes the results there are into docs/performance.md, and draws the chart.
func render(root string) error {
	path := filepath.Join(root, "docs", "performance.md")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	page := string(text)
	compare, far, rooms := &Report{}, &Far{}, &Rooms{}
	for name, result := range map[string]any{"compare": compare, "far": far, "rooms": rooms} {
		found, err := loadResult(root, name, result)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		text := sections(result)
		if name == "compare" {
			text = "![CPU time of the server per delivery](performance.svg)\n\n" + text
		}
		if page, err = replaceSection(page, name, text); err != nil {
			return err
		}
	}
	if len(compare.Systems) > 0 {
		if err := os.WriteFile(filepath.Join(root, "docs", "performance.svg"), []byte(compare.chart()), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(path, []byte(page), 0o644)
}

// replaceSection puts text between a page's two markers of a name.
func replaceSection(page, name, text string) (string, error) {
	open, end := "<!-- bench:"+name+" -->", "<!-- /bench:"+name+" -->"
	before, rest, found := strings.Cut(page, open)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return "", fmt.Errorf("performance.md has no %s and %s", open, end)
	}
	return before + open + "\n" + strings.TrimSpace(text) + "\n" + end + after, nil
}
