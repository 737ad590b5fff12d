package main

import (
	"strings"
	"testing"
)

func TestSiege_MeasuresTheHonestBesideAnAttackInTheShortForm(t *testing.T) {
	t.Parallel()
	l, err := newLab(t.Context(), 0.2, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	list, err := chosenAttacks("unknown")
	if err != nil {
		t.Fatal(err)
	}
	r := l.besiege(t.Context(), list[0], 1, 20, 4)
	t.Log(r.row())
	for _, broken := range r.broken() {
		if broken != "posts slower" { // how fast a machine is that does other things is no matter of this test
			t.Errorf("%s: %s", broken, r.explain())
		}
	}
	if len(r.calm.took) == 0 || len(r.under.took) == 0 || r.came == 0 || r.looks == 0 || r.sum.shown == 0 {
		t.Errorf("%d posts in the calm, %d under attack, %d came, %d looks, %d messages shown: want some of each",
			len(r.calm.took), len(r.under.took), r.came, r.looks, r.sum.shown)
	}
	answers := int64(0)
	for _, n := range r.got.Answers {
		answers += n
	}
	if r.got.Opened < 20 || answers == 0 || r.logged == 0 {
		t.Errorf("the attacker got %s, and the instance logged %d bytes: want an attack", r.got, r.logged)
	}
}

func TestInfoField_IsTheNumberOfThatName(t *testing.T) {
	about := "# Memory\r\nused_memory:900\r\nused_memory_peak:1200\r\nused_memory_peak_human:1.2K\r\n"
	if n, err := infoField(about, "used_memory_peak"); n != 1200 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := infoField(about, "maxmemory"); err == nil || !strings.Contains(err.Error(), "maxmemory") {
		t.Errorf("%d, %v", n, err)
	}
}
