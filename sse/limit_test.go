package sse

import "testing"

func TestStreamLimit_LeavesDescriptorsForTheRest(t *testing.T) {
	for files, want := range map[uint64]int{1 << 62: 0, 1_048_576: 1_015_808, 20_000: 19_375, 1024: 768, 300: 150, 0: 0} {
		if got := streamsOf(files); got != want {
			t.Errorf("of %d: %d, want %d", files, got, want)
		}
	}
	if n := streamLimit(); n < 0 {
		t.Error(n)
	}
}

func TestOtherConnections_FitBesideTheStreams(t *testing.T) {
	for _, test := range []struct {
		files         uint64
		streams, want int
	}{
		{1 << 62, 0, mostOthers}, {1 << 62, 10, mostOthers}, {1_048_576, 0, mostOthers},
		{1024, 0, 160}, {1024, 100, 828}, {1024, 1024, 16}, {1024, 10_000_000, 16},
	} {
		if got := othersOf(test.files, test.streams); got != test.want {
			t.Errorf("beside %d streams with %d files: %d, want %d", test.streams, test.files, got, test.want)
		}
	}
}
