package sse

import "testing"

// twoCores is the budget of a process with two processors.
func twoCores(files int) fileBudget {
	return fileBudget{limit: files, own: ownFiles + 2*ownFilesPerProcessor}
}

func TestFileBudget_StreamsLeaveDescriptorsForTheRest(t *testing.T) {
	for files, want := range map[int]int{0: 0, 1_048_576: 1_015_808, 20_000: 19_375, 1024: 768, 300: 150} {
		if got := twoCores(files).streams(0); got != want {
			t.Errorf("of %d: %d, want %d", files, got, want)
		}
	}
	for _, test := range []struct{ files, given, want int }{
		{0, 10, 10}, {20_000, 10, 10}, {1024, 1024, 832}, {1024, 10_000_000, 832},
	} {
		if got := twoCores(test.files).streams(test.given); got != test.want {
			t.Errorf("%d asked for with %d files: %d, want %d", test.given, test.files, got, test.want)
		}
	}
}

func TestFileBudget_OtherConnectionsFitBesideTheStreams(t *testing.T) {
	for _, test := range []struct{ files, streams, want int }{
		{0, 0, mostOthers}, {0, 10, mostOthers}, {1_048_576, 0, mostOthers},
		{20_000, 0, 373}, {1024, 0, 96}, {1024, 100, 597}, {1024, 10_000_000, 48},
	} {
		if got := twoCores(test.files).others(test.streams); got != test.want {
			t.Errorf("beside %d streams with %d files: %d, want %d", test.streams, test.files, got, test.want)
		}
	}
}

func TestFileBudget_TheSumStaysBelowTheLimit(t *testing.T) {
	for _, processors := range []int{1, 2, 8, 64} {
		own := ownFiles + ownFilesPerProcessor*processors
		for _, files := range []int{2 * (own + leastOthers), 4 * own, 20_000, 65_536, 1_048_576} {
			b := fileBudget{limit: files, own: own}
			for _, given := range []int{0, 1, 100, files / 2, files, 10_000_000} {
				streams := b.streams(given)
				if sum := streams + b.others(given) + own; sum > files || streams < 1 {
					t.Errorf("%d processors, %d files, %d streams asked for: %d streams, %d in all", processors, files, given, streams, sum)
				}
				if waiting := b.spare(streams) - b.others(given); waiting < leastOthers/4 {
					t.Errorf("%d processors, %d files, %d streams asked for: %d may wait", processors, files, given, waiting)
				}
			}
		}
	}
}

func TestHub_StreamsTakeFromTheSpareFiles(t *testing.T) {
	h := NewHub(Options{Log: quiet}, newFakeLog(), new(fakePresence))
	defer h.Close()
	before := h.SpareFiles()
	from, err := h.admit("")
	if err != nil {
		t.Fatal(err)
	}
	if got := h.SpareFiles(); got != before-1 {
		t.Errorf("%d spare files beside a stream, %d without", got, before)
	}
	h.dismiss(from)
}

func TestHub_HasNoMoreStreamsThanTheFilesAllow(t *testing.T) {
	h := NewHub(Options{Log: quiet, MaxStreams: 1 << 30}, newFakeLog(), new(fakePresence))
	defer h.Close()
	if want := processFiles().streams(1 << 30); h.o.MaxStreams != want {
		t.Errorf("as many as %d, want %d", h.o.MaxStreams, want)
	}
}
