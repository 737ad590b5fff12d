package main

import (
	"fmt"
	"io"
	"strings"
)

// tableHead is the table's first two lines.
const tableHead = `| fault | accepted | readers | lost | doubled | out of order | ids reused | gaps told | missed, but told | |
|---|--:|--:|--:|--:|--:|--:|--:|--:|---|
`

// writeTable prints the results as Markdown.
func writeTable(out io.Writer, results []result) {
	fmt.Fprint(out, tableHead)
	for _, r := range results {
		fmt.Fprintln(out, r.row())
	}
}

// row is one line of the table.
func (r result) row() string {
	if r.line != "" {
		return r.line
	}
	note := []string{}
	if r.note != "" {
		note = append(note, r.note)
	}
	if !r.kept() {
		note = append(note, "**not kept**")
	}
	f := r.sum
	return fmt.Sprintf("| %s | %d | %d | %d | %d | %d | %d | %d | %d | %s |",
		r.harm.what, r.accepted, r.readers, f.lost, f.doubled, f.disordered, r.reused, f.gaps, f.missedTold, strings.Join(note, "; "))
}
