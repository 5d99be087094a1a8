package detect

import (
	"net/url"
	"slices"

	"github.com/stoa-platform/stoa/internal/secret/credential"
)

// A result is kept in releases, history and events, and shown to all who may
// read those. What looks like a credential in a source is therefore left out of
// it: the result tells the variable and where it stands. Commands are taken as they
// are: what a shell makes of a word is not for this package to know, and one that is
// changed wrongly starts nothing.

// SecretField is the field of the setting that tells of a variable left out; with "",
// what all of them begin with.
func SecretField(name string) string { return "secret." + name }

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
