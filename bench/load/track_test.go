package load

import "testing"

func TestTrack_TellsOrderFromLateFromDouble(t *testing.T) {
	steps := []struct {
		number uint32
		want   arrival
	}{
		{5, inOrder}, {6, inOrder}, {6, double}, {4, double}, {9, inOrder}, {7, late}, {7, double}, {8, late},
		{10, inOrder}, {200, inOrder}, {199, late}, {199, double}, {10, late}, // 10 is out of memory
	}
	tr := trackFrom(5)
	for i, s := range steps {
		if got := tr.see(s.number); got != s.want {
			t.Fatalf("step %d, number %d: %d, want %d", i, s.number, got, s.want)
		}
	}
}
