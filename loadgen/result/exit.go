package result

// Exit codes of programs that end with a verdict, which scripts rely on. They are loadgen's, and those
// of any other program that plays.
const (
	ExitPass       = 0
	ExitFail       = 1 // a rule was broken; the report proves it
	ExitUsage      = 2 // the command line or the scenario is wrong; nothing was done
	ExitInvalid    = 3 // the run says nothing: the target or the generator was unusable; or a file was
	ExitMissed     = 4 // no rule was broken, but an objective was missed
	ExitRegression = 5 // of a comparison: the new runs are worse
)

// Exit is the exit code of a program that ends with the run's verdict.
func (r *Run) Exit() int {
	switch r.Verdict {
	case Pass:
		return ExitPass
	case Fail:
		return ExitFail
	case Missed:
		return ExitMissed
	}
	return ExitInvalid
}

// Exit is the exit code of a program that ends with the comparison.
func (c Comparison) Exit() int {
	switch c.Verdict {
	case Regressed:
		return ExitRegression
	case Unclear:
		return ExitInvalid
	}
	return ExitPass
}
