package detect

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/secret/credential"
)

// A result is kept in releases, history and events, and shown to all who may
// read those. What looks like a credential in a source is therefore left out of
// it: the result tells the variable and where it stands. Commands are taken as they
// are: what a shell makes of a word is not for this package to know, and one that is
// changed wrongly starts nothing. What looks like a credential in one is told, as long
// as it stands there.

// SecretField is the field of the setting that tells of a variable that should be a
// secret; with "", what all of them begin with.
func SecretField(name string) string { return "secret." + name }

// credentialField is the field of the setting that tells of a credential in a command,
// by the variable that would take its place.
func credentialField(variable string) string { return "credential." + variable }

// leaveOut notes a variable whose value was left out, with why.
func (d *draft) leaveOut(name, reason, source string) {
	d.note(SecretField(name), "left out: looks like a credential ("+reason+")", source, stated)
}

// queryTells reports whether the address has a credential in its query.
func queryTells(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	for name, values := range u.Query() {
		if slices.ContainsFunc(values, func(value string) bool { _, looks := credential.Looks(name, value); return looks }) {
			return true
		}
	}
	return false
}

var (
	commandWord = regexp.MustCompile(`(?:[^\s"']|"[^"]*"|'[^']*')+`)
	assigned    = regexp.MustCompile(`^-{0,2}([A-Za-z][\w.-]*)=(.+)$`)
	option      = regexp.MustCompile(`^--?([A-Za-z][\w.]*(?:-[\w.]+)*)$`)
	// switches begin the names of options that take no value.
	switches = []string{"no", "show", "with", "without", "require", "ask", "prompt", "use", "enable", "disable", "allow", "skip", "print", "generate", "reset", "rotate"}
)

// told is a word of a command that looks like a credential.
type told struct{ variable, reason string }

// commandTells finds the words of a command that look like credentials, and names
// the variables that would take their places.
func commandTells(line string) []told {
	var all []told
	words := commandWord.FindAllString(line, 200)
	for i, word := range words {
		word = strings.NewReplacer(`"`, "", "'", "").Replace(word)
		if strings.ContainsAny(word, " \t\n") && word != line {
			all = append(all, commandTells(word)...) // of a shell within
			continue
		}
		name, value := "", word
		if m := assigned.FindStringSubmatch(word); m != nil {
			name, value = m[1], m[2]
		} else if m := option.FindStringSubmatch(word); m != nil {
			if i+1 == len(words) || !takesSecret(m[1]) {
				continue
			}
			name, value = m[1], strings.Trim(words[i+1], `"'`)
		}
		if strings.ContainsAny(value, "$`{<&|;") || strings.HasPrefix(value, "-") || strings.HasPrefix(value, "@") {
			continue // it refers to something, or the option takes no value
		}
		if reason, looks := credential.Looks(name, value); looks && reason != credential.Random {
			all = append(all, told{variableOf(name), reason})
		}
	}
	return all
}

// takesSecret reports whether the word after an option is the secret that its
// name ends with.
func takesSecret(name string) bool {
	words := strings.Split(strings.ToLower(name), "-")
	last := words[len(words)-1]
	_, itself := credential.Looks(last, "x")
	return (itself || last == "key") && !slices.Contains(switches, words[0])
}

// variableOf turns the name of an option into that of a variable.
func variableOf(name string) string {
	if name == "" {
		return "CREDENTIAL"
	}
	return strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(name))
}

// tellCommands notes what looks like a credential in the commands.
func (d *draft) tellCommands() {
	tell := func(field, what string, c Command) {
		for _, found := range commandTells(c.String()) {
			if at := credentialField(found.variable); d.evidence[at].Field == "" {
				d.note(at, "in the "+what+" looks like a credential ("+found.reason+"): write $"+found.variable+" there, and set it as a secret", d.evidence[field].Source, stated)
			}
		}
	}
	tell("start", "start command", d.Start)
	if d.Prepare != nil {
		tell("prepare", "command before a rollout", *d.Prepare)
	}
	for _, name := range sortedKeys(d.Processes) {
		tell("process."+name, "command of "+name, d.Processes[name])
	}
}
