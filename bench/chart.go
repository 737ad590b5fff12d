package main

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// Measures of the chart, in its own units.
const (
	chartWidth = 860
	nameWidth  = 250
	barHeight  = 14
	barGap     = 4
	panelGap   = 46
)

// chart draws the CPU per delivery of every system, a panel for each scene, with
// the floor as a line. It is readable on light and dark pages.
func (r *Report) chart() string {
	var b strings.Builder
	y, floor := 10, r.floor()
	for _, sc := range r.Scenes {
		y = r.panel(&b, sc, median(floor.Fanout[sc.Key], Fanout.cpu), y)
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="CPU time of the server per delivery, by system and scene">
<style>
 text { font: 12px system-ui, sans-serif; fill: #57606a }
 .title { font-weight: 600 }
 .floor { fill: #8b949e } .ours { fill: #2f81f7 } .bare { fill: #b08800 } .rival { fill: #a371f7 }
 line { stroke: #8b949e; stroke-dasharray: 3 3 }
 @media (prefers-color-scheme: dark) { text { fill: #adbac7 } }
</style>
%s</svg>
`, chartWidth, y, b.String())
}

// panel draws one scene below y, and returns where it ends.
func (r *Report) panel(b *strings.Builder, sc Scene, floor float64, y int) int {
	title := fmt.Sprintf("CPU µs per delivery: %s readers, %s messages/s", thousands(sc.Readers), number(sc.PerSecond))
	fmt.Fprintf(b, `<text class="title" x="0" y="%d">%s</text>`+"\n", y+12, title)
	y += 24
	bars := slices.DeleteFunc(slices.Clone(r.Systems), func(s Result) bool { return math.IsNaN(median(s.Fanout[sc.Key], Fanout.cpu)) })
	longest := 0.0
	for _, s := range bars {
		longest = max(longest, median(s.Fanout[sc.Key], Fanout.cpu))
	}
	scale := (chartWidth - nameWidth - 60) / max(longest, 1)
	top := y
	for _, s := range bars {
		v := median(s.Fanout[sc.Key], Fanout.cpu)
		fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text><rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/><text x="%.1f" y="%d">%s</text>`+"\n",
			nameWidth-8, y+11, html.EscapeString(plain(s)), s.Kind, nameWidth, y, v*scale, barHeight, nameWidth+v*scale+6, y+11, number(v))
		y += barHeight + barGap
	}
	if !math.IsNaN(floor) {
		x := nameWidth + floor*scale
		fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`+"\n", x, x, top-3, y)
	}
	return y + panelGap - 24
}

// plain is a system's name without Markdown, and short.
func plain(s Result) string {
	if s.Kind == "floor" {
		return "floor"
	}
	name, _, _ := strings.Cut(strings.NewReplacer("*", "", "`", "", "goroutine + channel + ", "").Replace(s.Name), " (the")
	return name
}
