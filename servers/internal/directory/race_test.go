//go:build race

package directory

const raceDetector = true
