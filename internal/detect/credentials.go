package detect

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/secret/credential"
)

// A result is kept in releases, history and events, and shown to all who may
// read those. What looks like a credential in a source is therefore left out of
// it: the result tells the variable and where it stands.

// secretField is the field of the setting that tells of a variable left out.
func secretField(name string) string { return "secret." + name }

// leaveOut notes variables whose values were left out, with why.
func (d *draft) leaveOut(reasons map[string]string, source string) {
	for name, reason := range reasons {
		d.note(secretField(name), "left out: looks like a credential ("+reason+")", source, stated)
	}
}

// withoutSecrets puts a variable in the place of every value of a command
// that looks like a credential, so that a secret of that name fills it in, and
// gives the reasons by variable.
func withoutSecrets(c Command) (Command, map[string]string) {
	left := map[string]string{}
	if c.Shell != "" {
		c.Shell = withoutInScript(c.Shell, "$", left)
		return c, left
	}
	c.Argv = slices.Clone(c.Argv)
	option := ""
	for i, arg := range c.Argv {
		if strings.ContainsAny(arg, " \t\n") { // a script for a shell, which fills in the variable
			c.Argv[i] = withoutInScript(arg, "$$", left)
			continue
		}
		value, name, reason := credentialIn(arg, option)
		if reason != "" {
			name = leave(left, name, reason)
			c.Argv[i] = strings.TrimSuffix(arg, value) + "${" + name + "}"
		}
		option = optionOf(arg)
	}
	return c, left
}

// scriptWord is a word of a shell's line, whose end may be in quotes.
var scriptWord = regexp.MustCompile(`[^\s;&|()"']*(?:"[^"]*"|'[^']*')|[^\s;&|()"']+`)

func withoutInScript(line, dollar string, left map[string]string) string {
	option := ""
	return scriptWord.ReplaceAllStringFunc(line, func(word string) string {
		before := option
		option = optionOf(word)
		inner := strings.Trim(word, `"'`)
		if len(inner) == len(word)-2 && strings.ContainsAny(inner, " \t\n") { // sh -c "…"
			return word[:1] + withoutInScript(inner, dollar, left) + word[len(word)-1:]
		}
		value, name, reason := credentialIn(word, before)
		if reason == "" {
			return word
		}
		return strings.TrimSuffix(word, value) + `"` + dollar + leave(left, name, reason) + `"`
	})
}

// given is a word that gives a value to a name: NAME=value, --name=value.
var given = regexp.MustCompile(`^-{0,2}([A-Za-z_][A-Za-z0-9_.-]*)=(.+)$`)

// credentialIn finds the value in a word of a command that looks like a
// credential. A value without a name of its own has that of the option before it.
func credentialIn(word, option string) (value, name, reason string) {
	name, value = option, word
	if m := given.FindStringSubmatch(word); m != nil {
		name, value = m[1], m[2]
	} else if strings.HasPrefix(word, "-") {
		return "", "", ""
	}
	reason, _ = credential.Looks(name, strings.Trim(value, `"'`))
	return value, name, reason
}

// optionOf is the name of an option whose value may be the next word.
func optionOf(word string) string {
	if name := strings.TrimLeft(word, "-"); name != word && !strings.Contains(name, "=") {
		return name
	}
	return ""
}

var notInVariable = regexp.MustCompile(`[^A-Z0-9_]+`)

// leave notes why a value is left out and returns the variable in its place.
func leave(left map[string]string, name, reason string) string {
	variable := notInVariable.ReplaceAllString(strings.ToUpper(name), "_")
	if variable == "" {
		variable = "CREDENTIAL"
		for n := 2; left[variable] != ""; n++ {
			variable = "CREDENTIAL_" + strconv.Itoa(n)
		}
	}
	left[variable] = reason
	return variable
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
