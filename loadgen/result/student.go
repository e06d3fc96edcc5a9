package result

import "math"

// normal is the value that a normal variable does not exceed with probability p.
func normal(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

// student is the same for Student's t, p at least a half.
func student(p, freedom float64) float64 {
	if freedom > 1e6 {
		return normal(p)
	}
	low, high := 0.0, 1.0
	for tail(high, freedom) > 1-p && high < 1e9 {
		high *= 2
	}
	for range 60 {
		if middle := (low + high) / 2; tail(middle, freedom) > 1-p {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// tail is the probability that Student's t exceeds t >= 0.
func tail(t, freedom float64) float64 {
	return beta(freedom/2, 0.5, freedom/(freedom+t*t)) / 2
}

// beta is the regularized incomplete beta function, by its continued fraction.
func beta(a, b, x float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2): // where the fraction converges badly
		return 1 - beta(b, a, 1-x)
	}
	lgamma := func(v float64) float64 { l, _ := math.Lgamma(v); return l }
	front := math.Exp(lgamma(a+b)-lgamma(a)-lgamma(b)+a*math.Log(x)+b*math.Log1p(-x)) / a
	const tiny = 1e-300
	away := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	// Lentz's method.
	c, d := 1.0, 1/away(1-(a+b)*x/(a+1))
	f := d
	for m := 1.0; m < 500; m++ {
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d, c = 1/away(1+even*d), away(1+even/c)
		f *= d * c
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d, c = 1/away(1+odd*d), away(1+odd/c)
		f *= d * c
		if math.Abs(d*c-1) < 1e-12 {
			break
		}
	}
	return front * f
}

// fewer is the probability of fewer than c heads in n throws of a coin.
func fewer(n, c int) float64 {
	var sum float64
	all, _ := math.Lgamma(float64(n + 1))
	for k := range c {
		heads, _ := math.Lgamma(float64(k + 1))
		tails, _ := math.Lgamma(float64(n - k + 1))
		sum += math.Exp(all - heads - tails - float64(n)*math.Ln2)
	}
	return sum
}
