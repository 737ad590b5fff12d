package main

// spareHeap is how many bytes count as in use though they are never touched, and so take
// addresses and no memory. A heap is collected when it has doubled, and that of an instance
// is some 2 MB: many posts had it collected 55 times a second, a tenth of what they cost.
// The price is as many bytes of garbage more. GOGC would do the same for a small heap, but
// let a large one grow in proportion.
const spareHeap = 16 << 20

// newSpareHeap is what counts, for as long as it is kept.
func newSpareHeap() []byte { return make([]byte, spareHeap) }
