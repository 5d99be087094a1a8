package simulate

import (
	"cmp"
	"slices"
)

// life is how long something took, or, if it has not ended, takes so far.
type life struct {
	span  ms
	ended bool
}

// survived is the median of Kaplan and Meier in seconds: the first time at
// which at most half have not ended yet. It is unknown while more have not.
func survived(lives []life) answer {
	slices.SortFunc(lives, func(a, b life) int { return cmp.Compare(a.span, b.span) })
	a := answer{n: len(lives)}
	left := 1.0
	for i := 0; i < len(lives); {
		risk, ended, span := len(lives)-i, 0, lives[i].span
		for ; i < len(lives) && lives[i].span == span; i++ {
			if lives[i].ended {
				ended++
			}
		}
		left *= 1 - float64(ended)/float64(risk)
		if ended > 0 && left <= 0.5+1e-12 {
			a.value, a.known = seconds(span), true
			return a
		}
	}
	return a
}

func seconds(t ms) float64 { return float64(t) / float64(second) }

// median is that of the values, in seconds; of an even number it is the mean of
// the two in the middle.
func median(values []ms) answer {
	n := len(values)
	if n == 0 {
		return answer{}
	}
	slices.Sort(values)
	return answer{(seconds(values[(n-1)/2]) + seconds(values[n/2])) / 2, n, true}
}

const stepsAre = " Median of Kaplan and Meier over the teams that asked for access in the window, from the request; those that did not get there " +
	"before the end of the window are censored at it."

// onboardingMeasures are about the way onto the platform.
func (b *book) onboardingMeasures() []asks {
	all := b.windows()
	var measures []asks
	for _, m := range []struct {
		name, definition string
		steps            []int
	}{
		{"time-to-access", "To the grant of access.", []int{gotAccess}},
		{"time-to-first-deployment", "To the first deployment to production by the platform.", []int{deployedFirst}},
		{"time-to-first-log-query", "To the first use of logs.", []int{queriedFirst}},
		{"time-to-first-alert", "To the first alert received.", []int{alertedFirst}},
		{"time-to-onboard", "To the last of first deployment, first log query and first alert.", []int{deployedFirst, queriedFirst, alertedFirst}},
	} {
		measures = append(measures, asks{m.name, "seconds", m.definition + stepsAre, b.teamCuts(), all, func(w window, c cut) answer { return b.takes(w, c, m.steps) }})
	}
	last := []window{all[0]}
	for step, name := range stepNames {
		only := []cut{{name: "step=" + name, team: everyTeam}}
		measures = append(measures, asks{"teams-at-step", "teams", "Teams that have taken the step.", only, last, func(window, cut) answer {
			n := 0
			for _, t := range b.teams {
				if b.reached[t.index][step] < never {
					n++
				}
			}
			return number(n)
		}})
	}
	return measures
}

// takes is how long teams took from the request to the last of the steps.
func (b *book) takes(w window, c cut, steps []int) answer {
	var lives []life
	for _, t := range b.teams {
		asked := b.reached[t.index][askedAccess]
		if !w.has(asked) || !c.team(t) {
			continue
		}
		done := asked
		for _, step := range steps {
			done = max(done, b.reached[t.index][step])
		}
		if done < w.to {
			lives = append(lives, life{done - asked, true})
		} else {
			lives = append(lives, life{w.to - asked, false})
		}
	}
	return survived(lives)
}
