package result

import (
	"math"
	"testing"
)

// The values are those of the tables.
func TestStudent(t *testing.T) {
	for _, c := range []struct{ p, freedom, want float64 }{
		{0.975, 1, 12.7062}, {0.975, 10, 2.228139}, {0.995, 4, 4.604095}, {0.999, 8, 4.500791}, {0.95, 30, 1.697261}, {0.975, 1e9, 1.959964}, {0.5, 5, 0},
	} {
		if got := student(c.p, c.freedom); math.Abs(got-c.want) > 2e-4 {
			t.Errorf("t(%v, %v) = %v, want %v", c.p, c.freedom, got, c.want)
		}
	}
}

func TestCoins(t *testing.T) {
	if got := fewer(8, 2); math.Abs(got-9.0/256) > 1e-12 {
		t.Errorf("fewer than 2 of 8: %v", got)
	}
	if got := normal(0.975); math.Abs(got-1.959964) > 1e-6 {
		t.Errorf("normal(0.975) = %v", got)
	}
}
