package result

// Outcomes of a metric, and verdicts of a comparison.
const (
	Regressed Change = "regressed" // it got worse by more than is tolerated, and noise does not explain it
	Improved  Change = "improved"  // it got better by more than is tolerated, and noise does not explain it
	Same      Change = "same"      // within the tolerance, or within the noise
	Unclear   Change = "unclear"   // too few data, or too much noise, to say
)

// Change is what became of a metric.
type Change string

// Comparison is what changed from some runs to others.
type Comparison struct {
	Verdict   Change   `json:"verdict"`
	Reasons   []string `json:"reasons"`
	Tolerance float64  `json:"tolerance"` // 0.1: a tenth worse is tolerated
	Base      int      `json:"base"`      // runs
	Next      int      `json:"next"`      // runs
	Metrics   []Metric `json:"metrics"`
}

// Metric is one thing that was compared: a typical value of the base, of the next, and how many
// times as large it became.
type Metric struct {
	Name    string  `json:"name"` // action-p99
	Unit    string  `json:"unit"` // s, or 1/s, or 1/bot/h
	Base    float64 `json:"base"`
	Next    float64 `json:"next"`
	Ratio   float64 `json:"ratio"` // 0: unknown, as are Low and High then
	Low     float64 `json:"low"`   // the ratio is between Low and High: of twenty comparisons of equal servers, one at most has any metric outside
	High    float64 `json:"high"`
	Outcome Change  `json:"outcome"`
	Note    string  `json:"note,omitempty"` // why it can't be said, or how sure it is
}
