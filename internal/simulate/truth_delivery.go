package simulate

import (
	"cmp"
	"slices"
)

const deploymentsAre = " Deployments are those to production: deployed, upgraded and rolled back."

// deliveryMeasures are about deployments to production.
func (b *book) deliveryMeasures() []asks {
	cuts, all := b.pathCuts(), b.windows()
	counted := func(is func(*deployment) bool) func(window, cut) answer {
		return func(w window, c cut) answer {
			n := 0
			b.each(w, c, func(d *deployment) {
				if is(d) {
					n++
				}
			})
			return number(n)
		}
	}
	share := func(of, is func(*deployment) bool) func(window, cut) answer {
		return func(w window, c cut) answer {
			part, whole := 0, 0
			b.each(w, c, func(d *deployment) {
				if is(d) {
					part++
				}
				if of(d) {
					whole++
				}
			})
			return ratio(part, whole)
		}
	}
	every := func(*deployment) bool { return true }
	forward := func(d *deployment) bool { return d.cause != rollback }
	failed := func(d *deployment) bool { return d.failed != worked }
	lives := b.lives()
	return []asks{
		{"deployments", "deployments", "Deployments in the window." + deploymentsAre, cuts, all, counted(every)},
		{"deployments-rolled-back", "deployments", "Deployments that put an earlier artifact back.", cuts, all, counted(func(d *deployment) bool { return d.cause == rollback })},
		{"deployments-hotfix", "deployments", "Deployments with the cause hotfix.", cuts, all, counted(func(d *deployment) bool { return d.cause == hotfix })},
		{"deployments-failed", "deployments", failedAre, cuts, all, counted(failed)},
		{"deployment-frequency", "deployments a day", "Deployments of a service in the window over the days on which it was there; median over the services that were. " + thereAre + deploymentsAre, cuts, all, b.frequency(lives, every)},
		{"deployment-frequency-forward", "deployments a day", "The same without those that roll back.", cuts, all, b.frequency(lives, forward)},
		{"deployment-days", "days a week", "Days, UTC, with a deployment of a service over the weeks in which it was there; median over the services that were. " + thereAre + deploymentsAre, cuts, all, b.deploymentDays(lives)},
		{"lead-time", "seconds", "From commit to production, median over the changes that deployments in the window brought; not of rollbacks, not of changes that are dated after their deployment.", cuts, all, b.leadTime},
		{"lead-time-dropped", "changes", "Changes that are dated after their deployment.", cuts, all, func(w window, c cut) answer {
			n := 0
			b.each(w, c, func(d *deployment) { n += d.skewed })
			return number(n)
		}},
		{"lead-time-without-commit", "deployments", "Deployments that bring changes of which nobody says the commit: not rollbacks, which bring none.", cuts, all, counted(func(d *deployment) bool { return d.silent })},
		{"change-failure-rate", "ratio", failedAre + " Over all deployments in the window." + deploymentsAre, cuts, all, share(every, failed)},
		{"change-failure-rate-forward", "ratio", failedAre + " Over the deployments in the window that do not roll back.", cuts, all, share(forward, failed)},
		{"rework-rate", "ratio", "Deployments with the cause rollback or hotfix over all in the window." + deploymentsAre, cuts, all, share(every, func(d *deployment) bool { return d.cause != planned })},
		{"recovery-time", "seconds", "Over the failed deployments of the window, from the failure to the fix: from the deployment to the rollback or hotfix, from the incident to its end. " + openAre, cuts, all, b.recovery},
		{"failed-pipelines", "runs", "Runs of a pipeline that ended in failure.", cuts, all, func(w window, c cut) answer { return b.moments(b.failedRuns, w, c, "") }},
		{"deployments-elsewhere", "deployments", "Deployments to other environments than production.", cuts, all, func(w window, c cut) answer { return b.moments(b.elsewhere, w, c, "") }},
		{"share-new-services-on-path", "ratio", "Services first deployed in the window by the platform, of all first deployed in the window. " + watchedAre, b.teamCuts(), all, b.newOnPath},
		{"new-services", "services", "Services first deployed in the window. " + watchedAre, cuts, all, func(w window, c cut) answer { return number(b.newServices(w, c)) }},
		{"input-friction", "questions", "Questions that the platform asked in the window over the deployments by the platform in the window, to whatever environment, without rollbacks.", b.serviceCuts(), all, func(w window, c cut) answer {
			done := b.moments(b.elsewhere, w, c, "").n
			b.each(w, c, func(d *deployment) {
				if d.path && d.cause != rollback {
					done++
				}
			})
			if done == 0 {
				return answer{}
			}
			return answer{b.moments(b.questions, w, c, "").value / float64(done), done, true}
		}},
		{"questions", "questions", "Questions that the platform asked.", b.serviceCuts(), all, func(w window, c cut) answer { return b.moments(b.questions, w, c, "") }},
		{"refusals", "refusals", "Releases that a gate refused.", b.serviceCuts(), all, func(w window, c cut) answer { return b.moments(b.refusals, w, c, "") }},
	}
}

const (
	failedAre = "Deployments in the window that failed, each once: an incident names them, else they were rolled back or hot-fixed, else an incident of the service began within 24 hours and no other deployment lies between. What shows it may lie after the window."

	openAre = "Median of Kaplan and Meier; what has no end before that of the simulated time is censored at it."
)

// each visits the deployments in a window and cut.
func (b *book) each(w window, c cut, visit func(*deployment)) {
	for i := range b.deployments {
		if d := &b.deployments[i]; w.has(d.at) && c.has(d.service.team, d.path) && c.isAbout(d.service.name) {
			visit(d)
		}
	}
}

// moments counts what is only counted; of one kind, or "" of all.
func (b *book) moments(all []moment, w window, c cut, what string) answer {
	n := 0
	for _, m := range all {
		if w.has(m.at) && c.has(m.team, m.path) && c.isAbout(m.service) && (what == "" || m.what == what) {
			n++
		}
	}
	return number(n)
}

// middle is the median of values.
func middle(values []float64) answer {
	n := len(values)
	if n == 0 {
		return answer{}
	}
	slices.Sort(values)
	return answer{(values[(n-1)/2] + values[n/2]) / 2, n, true}
}

const thereAre = "A service is there from a deployment until the day of the next, at most 90 days; on the path if that deployment was."

// lives are all deployments of each service, in the order of time.
func (b *book) lives() map[*service][]*deployment {
	lives := map[*service][]*deployment{}
	for i := range b.deployments {
		d := &b.deployments[i]
		lives[d.service] = append(lives[d.service], d)
	}
	for _, life := range lives {
		slices.SortStableFunc(life, func(a, b *deployment) int { return cmp.Compare(a.at, b.at) })
	}
	return lives
}

// there counts the days of a window on which each service was there, in a cut.
func (b *book) there(lives map[*service][]*deployment, w window, c cut) map[*service]float64 {
	there := map[*service]float64{}
	for s, life := range lives {
		days := map[ms]bool{}
		for i, d := range life {
			if !c.has(s.team, d.path) {
				continue
			}
			from := d.at / day
			to := from + 90
			if i+1 < len(life) {
				to = min(to, life[i+1].at/day)
			}
			for on := from; on < max(to, from+1); on++ {
				if w.has(on*day) && on*day < b.end {
					days[on] = true
				}
			}
		}
		if len(days) > 0 {
			there[s] = float64(len(days))
		}
	}
	return there
}

func (b *book) frequency(lives map[*service][]*deployment, is func(*deployment) bool) func(window, cut) answer {
	return func(w window, c cut) answer {
		counts := map[*service]int{}
		b.each(w, c, func(d *deployment) {
			if is(d) {
				counts[d.service]++
			}
		})
		var values []float64
		for s, days := range b.there(lives, w, c) {
			values = append(values, float64(counts[s])/days)
		}
		return middle(values)
	}
}

func (b *book) deploymentDays(lives map[*service][]*deployment) func(window, cut) answer {
	return func(w window, c cut) answer {
		on := map[*service]map[ms]bool{}
		b.each(w, c, func(d *deployment) {
			if on[d.service] == nil {
				on[d.service] = map[ms]bool{}
			}
			on[d.service][d.at/day] = true
		})
		var values []float64
		for s, days := range b.there(lives, w, c) {
			values = append(values, 7*float64(len(on[s]))/days)
		}
		return middle(values)
	}
}

func (b *book) leadTime(w window, c cut) answer {
	var leads []ms
	b.each(w, c, func(d *deployment) { leads = append(leads, d.leads...) })
	return median(leads)
}

func (b *book) recovery(w window, c cut) answer {
	var lives []life
	b.each(w, c, func(d *deployment) {
		if d.failed != worked {
			lives = append(lives, life{min(d.mended, b.end) - d.broke, d.mended < b.end})
		}
	})
	return survived(lives)
}

const watchedAre = "Those first deployed in the first 30 days of the record (days of UTC, from that of the first deployment of any) are left out: nobody can tell whether they were there before."

func (b *book) newOnPath(w window, c cut) answer {
	on := true
	return ratio(b.newServices(w, cut{team: c.team, path: &on}), b.newServices(w, c))
}

// newServices counts services first deployed in a window, once the organisation has
// been watched for a month.
func (b *book) newServices(w window, c cut) (n int) {
	begun := never
	for _, f := range b.first {
		begun = min(begun, f.at)
	}
	for i, f := range b.first {
		if w.has(f.at) && f.at >= (begun/day+30)*day && c.has(b.services[i].team, f.path) {
			n++
		}
	}
	return n
}
