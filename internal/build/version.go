package build

import (
	"errors"
	"fmt"
	goversion "go/version"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// A requirement that cannot be read; the caller takes any version, and says so.
var errUnreadable = errors.New("not a version or range")

var digits = regexp.MustCompile(`\d+(\.\d+)*`)

// fitsGo reads "1.26", ">=1.26", "go1.26rc1": at least that version.
func fitsGo(want, have string) (bool, error) {
	want = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(want), ">="))
	if want == "" || want == "*" {
		return true, nil
	}
	want = "go" + strings.TrimPrefix(want, "go")
	if !goversion.IsValid(want) {
		return true, fmt.Errorf("%q: %w", want, errUnreadable)
	}
	return goversion.Compare("go"+have, want) >= 0, nil
}

// nodeNames are the code names by which .nvmrc may ask for a line of releases.
var nodeNames = map[string]string{
	"lts/hydrogen": "18", "lts/iron": "20", "lts/jod": "22", "lts/krypton": "24",
}

var exactVersion = regexp.MustCompile(`^[v=]*(\d+\.\d+\.\d+)$`)

// fitsRange reads ranges as npm writes them. An exact version means that line:
// the same major version, not older.
func fitsRange(want, have string) (bool, error) {
	want = strings.TrimSpace(want)
	if line, ok := nodeNames[strings.ToLower(want)]; ok {
		want = line
	}
	switch strings.ToLower(want) {
	case "lts/*", "lts", "latest", "current", "node", "stable", "next":
		return true, nil
	}
	if m := exactVersion.FindStringSubmatch(want); m != nil {
		want = "^" + m[1]
	}
	return satisfies(want, have)
}

// pythonClause is one clause of a version specifier (PEP 440).
var pythonClause = regexp.MustCompile(`^(===|==|~=|!=|<=|>=|<|>)\s*v?(\d+(?:\.\d+)*)(\.\*)?$`)

// fitsPython reads version specifiers as requires-python has them, Poetry's
// carets, and bare versions ("3.12", "python-3.12.4"), which mean that minor
// version.
func fitsPython(want, have string) (bool, error) {
	want = strings.TrimPrefix(strings.TrimSpace(want), "python-")
	if m := exactVersion.FindStringSubmatch(want); m != nil {
		want = m[1][:strings.LastIndexByte(m[1], '.')]
	}
	if want == "" || want[0] >= '0' && want[0] <= '9' || strings.ContainsAny(want, "^|") {
		return satisfies(want, have)
	}
	var clauses []string
	for clause := range strings.SplitSeq(want, ",") {
		clause = strings.TrimSpace(clause)
		if clause == "" {
			continue
		}
		m := pythonClause.FindStringSubmatch(clause)
		if m == nil {
			return true, fmt.Errorf("%q: %w", want, errUnreadable)
		}
		op, version, star := m[1], m[2], m[3] != ""
		parts := strings.Split(version, ".")
		switch {
		case op == "~=" && len(parts) == 2: // any later minor version
			clauses = append(clauses, "^"+version)
		case op == "~=":
			clauses = append(clauses, "~"+version)
		case star && op == "==":
			clauses = append(clauses, version+".x")
		case star && op == "!=":
			clauses = append(clauses, "!="+version+".x")
		case op == "==" || op == "===":
			clauses = append(clauses, "="+full(parts))
		case op == "<=" || op == ">" || op == "!=":
			// Here "3" is 3.0.0 itself; a range reader would take the whole line.
			clauses = append(clauses, op+full(parts))
		default:
			clauses = append(clauses, op+version)
		}
	}
	return satisfies(strings.Join(clauses, ", "), have)
}

// full writes a release with its three numbers.
func full(parts []string) string {
	for len(parts) < 3 {
		parts = append(parts, "0")
	}
	return strings.Join(parts[:3], ".")
}

func satisfies(want, have string) (bool, error) {
	if want == "" {
		want = "*"
	}
	constraint, err := semver.NewConstraint(want)
	if err != nil {
		return true, fmt.Errorf("%q: %w", want, errUnreadable)
	}
	version, err := semver.NewVersion(have)
	if err != nil {
		return true, fmt.Errorf("%q: %w", have, errUnreadable)
	}
	return constraint.Check(version), nil
}

// line is the release line that a requirement asks for at least, with as many
// numbers as given: line(">=3.12.1,<4", 2) is "3.12". "" if it names none.
func line(want string, numbers int) string {
	if name, ok := nodeNames[strings.ToLower(strings.TrimSpace(want))]; ok {
		want = name
	}
	parts := strings.Split(digits.FindString(want), ".")
	return strings.Join(parts[:min(numbers, len(parts))], ".")
}

// newer orders versions for choosing the newest; what cannot be read is oldest.
func newer(a, b string) bool {
	va, errA := semver.NewVersion(a)
	vb, errB := semver.NewVersion(b)
	if errA != nil || errB != nil {
		return errA == nil
	}
	return va.GreaterThan(vb)
}
