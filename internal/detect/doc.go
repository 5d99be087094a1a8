// Package detect reads a folder of source and says what it is: the components
// in it, how each is built and started, where it listens, whose it is. Every
// setting carries its evidence.
//
// Nothing is executed and the machine's own toolchains are never consulted:
// the same source gives the same answer everywhere. All reading is bounded, so
// hostile input costs a fixed amount of time and memory.
//
// # Order of evidence
//
// Each language proposes components from its manifests and code. Files that
// state a setting outright then override exactly that setting, the strongest
// last: Dockerfile, Procfile, score.yaml. compose.yaml only adds wanted resources.
//
// # Scale of confidence
//
//	1.0  stated in a file that exists to state it (go.mod, Procfile, engines.node)
//	0.9  read from the code (an environment variable, a registered route)
//	0.7  the convention of the language or framework (gunicorn for Flask)
//	0.5  the likelier of several readings
//	<0.5 a guess; reads "unconfirmed" until someone confirms it
package detect
