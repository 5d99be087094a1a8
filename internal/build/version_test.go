package build

import (
	"errors"
	"testing"
)

func TestFits(t *testing.T) {
	goFits, node, python := fitsGo, fitsRange, fitsPython
	tests := []struct {
		fits       func(want, have string) (bool, error)
		want, have string
		ok         bool
	}{
		{goFits, "1.26", "1.26.8", true}, {goFits, ">=1.26.8", "1.26.8", true}, {goFits, "1.27", "1.26.8", false}, {goFits, "go1.9", "1.26.8", true},
		{goFits, "1.26rc1", "1.26.0", true}, {goFits, "1.26.1", "1.26rc2", false}, {goFits, ">= 1.21", "1.26.8", true}, {goFits, "", "1.26.8", true},

		{node, "", "20.20.2", true}, {node, "*", "20.20.2", true}, {node, "20", "20.20.2", true}, {node, "18", "20.20.2", false}, {node, "v20.11.0", "20.20.2", true},
		{node, "20.11.0", "20.10.0", false}, {node, "20.11", "20.11.9", true}, {node, ">=18", "20.20.2", true}, {node, ">=18 <20", "20.20.2", false},
		{node, "^18.17.0 || >=20.3.0", "20.20.2", true}, {node, "18 - 20", "20.20.2", true}, {node, "20.x", "20.20.2", true}, {node, "~20.19.0", "20.20.2", false},
		{node, "lts/iron", "20.20.2", true}, {node, "lts/jod", "20.20.2", false}, {node, "lts/*", "20.20.2", true}, {node, ">= 14.0.0", "20.20.2", true},
		{node, "9.1.0", "10.2.0", false}, {node, "^1", "1.22.22", true},

		{python, "", "3.11.7", true}, {python, ">=3.11", "3.11.7", true}, {python, ">=3.12", "3.11.7", false}, {python, ">=3.8,<4", "3.11.7", true},
		{python, "<3.12,>=3.9", "3.12.1", false}, {python, "~=3.10", "3.11.7", true}, {python, "~=3.10.2", "3.11.7", false}, {python, "~=3.10", "3.9.1", false},
		{python, "==3.11.*", "3.11.7", true}, {python, "==3.10.*", "3.11.7", false}, {python, "!=3.11.*,>=3.9", "3.11.7", false}, {python, "!=3.9.0,>=3.9", "3.9.18", true},
		{python, "3.11", "3.11.7", true}, {python, "3.11.4", "3.11.7", true}, {python, "3.12", "3.11.7", false}, {python, "python-3.11.4", "3.11.7", true},
		{python, "^3.9", "3.11.7", true}, {python, "<=3.11", "3.11.7", false}, {python, ">3.10", "3.11.7", true}, {python, "3", "3.11.7", true}, {python, "==3.11.7", "3.11.7", true},
	}
	for _, test := range tests {
		if ok, err := test.fits(test.want, test.have); err != nil || ok != test.ok {
			t.Errorf("fits(%q, %q) = %v, %v", test.want, test.have, ok, err)
		}
	}
	for _, test := range []struct {
		fits func(want, have string) (bool, error)
		want string
	}{{goFits, "latest"}, {node, "lts/unknown"}, {node, "file:../x"}, {python, "pypy3.10"}, {python, ">=3.x.y"}} {
		if ok, err := test.fits(test.want, "3.11.7"); !ok || !errors.Is(err, errUnreadable) {
			t.Errorf("fits(%q) = %v, %v: want any version to do, and to hear of it", test.want, ok, err)
		}
	}
}

func FuzzFits(f *testing.F) {
	for _, seed := range []string{">=3.8,<4", "~=3.10.2", "^18 || >=20", "lts/*", "==3.11.*", "1.26rc1", "v", ",", "="} {
		f.Add(seed, "3.11.7")
	}
	f.Fuzz(func(t *testing.T, want, have string) {
		for _, fits := range []func(string, string) (bool, error){fitsGo, fitsRange, fitsPython} {
			if ok, err := fits(want, have); err != nil && !ok {
				t.Errorf("fits(%q, %q): unreadable, yet refused", want, have)
			}
		}
		line(want, 2)
		newer(want, have)
	})
}
