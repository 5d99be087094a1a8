package app

// OnStepEdge lets f hear of the edges of steps, after the timer has. Call it
// before Serve.
func (p *Platform) OnStepEdge(f func(release, step string, done bool)) { p.steps.then = f }
