package proc

import (
	"os"
	"testing"
	"time"
)

func TestParseStat_ReadsPastAnyName(t *testing.T) {
	pid, parent, err := parseStat([]byte("4711 (a) b (c) S 42 4711 4711 0 -1"))
	if err != nil || pid != 4711 || parent != 42 {
		t.Fatalf("%d, %d, %v", pid, parent, err)
	}
	for _, bad := range []string{"", "12 (x", "(x) S 1", "12 (x) S", "12 (x) S y"} {
		if _, _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q was understood", bad)
		}
	}
}

func TestParseSchedstat_ReadsTheTimeOnCPU(t *testing.T) {
	if d, err := parseSchedstat([]byte("1500000 20 3\n")); err != nil || d != 1500*time.Microsecond {
		t.Fatalf("%s, %v", d, err)
	}
	if _, err := parseSchedstat([]byte("1")); err == nil {
		t.Fatal("understood a line that is too short")
	}
}

func TestField_FindsANumberByItsName(t *testing.T) {
	text := []byte("MemTotal:       24624448 kB\nMemAvailable:   21000000 kB\n")
	if n, err := Field(text, "MemAvailable:"); err != nil || n != 21000000 {
		t.Fatalf("%d, %v", n, err)
	}
	if _, err := Field(text, "Mem:"); err == nil {
		t.Fatal("found what is not there")
	}
}

func TestCPU_OfThisProcessGrowsAsItComputes(t *testing.T) {
	me := []int{os.Getpid()}
	before, err := CPU(me)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		now, err := CPU(me)
		if err != nil {
			t.Fatal(err)
		}
		if now > before {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it did not grow")
		}
	}
}

func TestResident_OfThisProcessIsPlausible(t *testing.T) {
	n, err := Resident([]int{os.Getpid()})
	if err != nil || n < 1<<20 || n > 1<<32 {
		t.Fatalf("%d bytes, %v", n, err)
	}
}
