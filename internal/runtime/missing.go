package runtime

import (
	"regexp"
	"slices"
	"strings"
)

// exitAbsent is how a shell, and env, end when there is no such program.
const exitAbsent = 127

// notThere matches what shells and env say of a program that is not there.
var notThere = regexp.MustCompile(`^(?:[\w./-]*/)?(?:sh|bash|dash|ash|env): (?:(?:line )?\d+: )?(?:exec: )?['‘"]?([\w./@+-]+)['’"]?: (?:(?:command )?not found|No such file or directory)`)

// brings says which file of a source makes the build bring a program.
var brings = map[string]string{
	"python": "a requirements.txt or pyproject.toml", "python3": "a requirements.txt or pyproject.toml", "pip": "a requirements.txt or pyproject.toml",
	"node": "a package.json", "npm": "a package.json", "npx": "a package.json", "yarn": "a package.json", "pnpm": "a package.json",
}

// MissingProgram says what could bring the program that is not there; empty if it was
// not for that that the command ended. Only a name that is known or stands in
// the command is told: any other may be the value of a secret.
func MissingProgram(command []string, exit Exit, lines []string) string {
	if exit.Code != exitAbsent {
		return ""
	}
	for _, line := range slices.Backward(lines) {
		m := notThere.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		name := m[1]
		file, known := brings[name]
		switch {
		case known:
			return name + " is not there: " + file + " beside the code, however little is in it, makes the build bring it; or start what the machine has"
		case !strings.Contains(strings.Join(command, " "), name):
		case strings.Contains(name, "/"):
			return name + " is not among what was built: correct the start command, or the build that should have made it"
		default:
			return name + " is not there: add the package that has it to the dependencies of the source, or install it on the machine that runs the service"
		}
	}
	if len(lines) == 0 {
		return "a program that it starts is not there, and nothing says which: let it print what it starts"
	}
	return "the program that its last words name is not there: add what has it to the dependencies of the source, or install it on the machine that runs the service"
}
