package main

import (
	"runtime"
	"testing"
)

func TestSpareHeap_PutsCollectionsOff(t *testing.T) {
	next := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.NextGC
	}
	without := next()
	spare := newSpareHeap()
	with := next()
	runtime.KeepAlive(spare)
	if with < without+spareHeap {
		t.Errorf("a heap of %d bytes is collected, and one of %d without", with, without)
	}
}
