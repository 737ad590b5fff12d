package machine

import "testing"

func TestVersion_IsTheNumberAlone(t *testing.T) {
	for text, want := range map[string]string{
		"Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0": "7.0.15",
		"nginx version: nginx/1.22.1":                                "1.22.1",
		"v20.20.2\n":                                                 "20.20.2",
		"6.18.44-some-build_7":                                       "6.18.44",
		"none":                                                       "",
	} {
		if got := version([]byte(text)); got != want {
			t.Errorf("version of %q: %q, want %q", text, got, want)
		}
	}
}

func TestAfter_FindsAValue(t *testing.T) {
	text := []byte("model\t\t: 1\nmodel name\t: AMD EPYC\nPRETTY_NAME=\"Debian\"\n")
	if got := after(text, "model name"); got != "AMD EPYC" {
		t.Errorf("model name %q", got)
	}
	if got := after(text, "PRETTY_NAME"); got != `"Debian"` {
		t.Errorf("name %q", got)
	}
}

func TestParseSockstat_ReadsTCP(t *testing.T) {
	s := parseSockstat([]byte("sockets: used 279\nTCP: inuse 29 orphan 0 tw 606 alloc 31 mem 2\nUDP: inuse 0 mem 0\n"))
	if s.InUse != 29 || s.Memory != 8192 {
		t.Fatalf("%+v", s)
	}
}

func TestParseSlabinfo_MultipliesObjectsBySize(t *testing.T) {
	slabs := parseSlabinfo([]byte("slabinfo - version: 2.1\n# name <active_objs> <num_objs> <objsize> <objperslab>\n" +
		"TCP 100 120 2432 13 8 : tunables 0 0 0 : slabdata 2 2 0\n"))
	if len(slabs) != 1 || slabs["TCP"] != 120*2432 {
		t.Fatalf("%v", slabs)
	}
}
