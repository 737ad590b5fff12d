package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

func TestMedian_OfSamplesWithoutTrouble(t *testing.T) {
	samples := []Memory{{Each: 9}, {Each: 1}, {Each: 100, Trouble: "no"}, {Each: 3}}
	if got := median(samples, Memory.each); got != 3 {
		t.Errorf("median %v, want 3", got)
	}
	if got := median(samples[:2], Memory.each); got != 5 {
		t.Errorf("median of two %v, want their mean", got)
	}
	if got := median(nil, Memory.each); !math.IsNaN(got) {
		t.Errorf("median of none %v", got)
	}
}

func TestRatio_IsWithinEachRun(t *testing.T) {
	// The second run was made while something else had half the machine.
	ours := []Memory{{Each: 11}, {Each: 22}, {Each: 12}}
	floor := []Memory{{Each: 10}, {Each: 20}, {Each: 10}}
	if got := ratio(ours, floor, Memory.each); math.Abs(got-1.1) > 1e-9 {
		t.Errorf("ratio %v, want 1.1", got)
	}
}

func TestNumber_HasAboutThreeDigits(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0.00", 1.234: "1.23", 12.34: "12.3", 123.4: "123", 1234.5: "1,235", -25480: "-25,480", 1234567: "1,234,567", math.Inf(1): "–", math.NaN(): "–",
	} {
		if got := number(v); got != want {
			t.Errorf("number(%v): %q, want %q", v, got, want)
		}
	}
}

// sample is a report with a floor, a system with a fault, and one that is absent.
func sample() *Report {
	delivered := func(cpu float64, lost int) []Fanout {
		return []Fanout{{CPU: cpu, P50: 1, P99: 2, P999: 3, PerSecond: 1000, Expected: 100, Lost: lost}}
	}
	return &Report{
		Header: Header{Taken: "2026-11-22", Command: "go run ./bench"}, Runs: 1,
		Scenes: []Scene{{Key: "1000", Readers: 1000, PerSecond: 10}, {Key: "burst", Readers: 1000, PerSecond: 200}},
		Systems: []Result{
			{Key: "floor", Name: "floor", Kind: "floor", Fanout: map[string][]Fanout{"1000": delivered(10, 0), "burst": delivered(8, 0)}},
			{Key: "causette", Name: "**Causette**", Kind: "ours", Fanout: map[string][]Fanout{"1000": delivered(11, 0), "burst": delivered(4, 0)},
				Memory: []Memory{{Each: 162}}, Named: []Memory{{Each: 900}}},
			{Key: "gin", Name: "gin <&>", Kind: "bare", Fanout: map[string][]Fanout{"1000": delivered(20, 7), "burst": delivered(0, 100)}},
			{Key: "nchan", Name: "nchan", Kind: "rival", Absent: "no package"},
		},
	}
}

func TestMarkdown_SaysRatiosFaultsAndWhatIsAbsent(t *testing.T) {
	text := sample().markdown()
	for _, want := range []string{
		"| **Causette** | 11.0 (1.10) | 4.00 (0.50) |", "| gin <&> | 20.0 (2.00) | – |",
		"| **Causette** | 162 |", "| **Causette**, each in a session with a nickname | 900 |", "| gin <&> | 200 | 107 |", "not to be had here: no package",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestTargets_SayWhatIsReachedAndWhoIsAhead(t *testing.T) {
	r := sample()
	r.Systems[3] = Result{Key: "nchan", Name: "nchan", Kind: "rival", Fanout: map[string][]Fanout{"1000": {{CPU: 9, P99: 5, Expected: 1}}}}
	r.Systems[1].Posts = map[string][]PostRate{"32": {{PerSecond: 150}}}
	r.Systems[2].Posts = map[string][]PostRate{"32": {{PerSecond: 100}}}
	text := r.targets()
	for _, want := range []string{
		"| CPU per delivery, 1,000 readers, × floor | ≤ 1.20 | 1.10 |", "| CPU per delivery, 10,000 readers, × floor | ≤ 1.10 | – |",
		"| posts/s, 32 clients, × the better gin + go-redis | ≥ 1.30 | 1.50 |", "| resident bytes per idle reader | ≤ 400 | 162 |",
		"sustained in the burst | ≥ 194 | 0.00 ✗ |", "**Causette** is behind: nchan, CPU, 1000 (11.0 against 9.00).",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestChart_IsWellFormed(t *testing.T) {
	chart := sample().chart()
	decoder := xml.NewDecoder(strings.NewReader(chart))
	bars := 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, chart)
		}
		if element, ok := token.(xml.StartElement); ok && element.Name.Local == "rect" {
			bars++
		}
	}
	if bars != 5 { // three systems, less one where nothing was delivered
		t.Errorf("%d bars, want 5", bars)
	}
}

func TestWeight_GivesTheKernelWhatNoProcessHas(t *testing.T) {
	before := weight{servers: 1000, generators: 500, free: 100_000, slabs: map[string]int64{"TCP": 50}}
	after := weight{servers: 3000, generators: 1500, free: 57_000, slabs: map[string]int64{"TCP": 20_050, "dentry": 100}}
	step := FarStep{Readers: 10}
	before.compare(after, &step)
	if step.User != 200 || step.Kernel != 4000 || len(step.Slabs) != 1 || step.Slabs["TCP"] != 2000 {
		t.Fatalf("%+v", step)
	}
}

func TestFarMarkdown_SaysWhatWasGivenUp(t *testing.T) {
	far := &Far{System: "Causette", Steps: []FarStep{
		{Asked: 100_000, Readers: 100_000, Instances: 6, Connect: 12, User: 250, Kernel: 3800, Reach: 1.25, P50: 0.5},
		{Asked: 1_000_000, Instances: 53, Trouble: "given up"},
	}}
	text := far.markdown()
	for _, want := range []string{"| 100,000 | 6 | 12 s | 250 | 3,800 |", "| 0.5 / 1.2 s | 0 |", "| 1,000,000 | 53 | – |", "given up"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestReplaceSection_TouchesOnlyWhatIsBetweenItsMarkers(t *testing.T) {
	page := "# A\n<!-- bench:far -->\nold\n<!-- /bench:far -->\n<!-- bench:rooms -->\nstays\n<!-- /bench:rooms -->\n"
	got, err := replaceSection(page, "far", "\nnew\n")
	if err != nil || got != strings.Replace(page, "old", "new", 1) {
		t.Fatalf("%v\n%s", err, got)
	}
	if _, err := replaceSection(page, "compare", "x"); err == nil {
		t.Fatal("no markers, and no error")
	}
}

func TestOptions_AreCheckedAndHaveTheirDefaults(t *testing.T) {
	o, err := parseOptions(nil)
	if err != nil || len(o.readers) != 3 || o.runs != 3 || !o.whole() {
		t.Fatalf("%+v, %v", o, err)
	}
	o, err = parseOptions([]string{"-quick", "-only", "nchan,gin"})
	if err != nil || o.runs != 1 || len(o.readers) != 2 || len(o.only) != 2 || o.whole() {
		t.Fatalf("%+v, %v", o, err)
	}
	for _, bad := range [][]string{{"-readers", "0"}, {"-readers", "20000"}, {"-runs", "0"}, {"-far", "x"}, {"more"}} {
		if _, err := parseOptions(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
