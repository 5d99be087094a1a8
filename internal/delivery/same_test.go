package delivery

import (
	"testing"

	"github.com/stoa-platform/stoa/internal/detect"
)

func TestIsSame(t *testing.T) {
	at := func(folder, remote, commit string, recent ...string) ReleaseSpec {
		o := detect.Origin{Remote: remote, Commit: commit}
		for _, c := range recent {
			o.Recent = append(o.Recent, detect.Commit{Commit: c})
		}
		return ReleaseSpec{Source: "sha256:" + folder + remote + commit, Folder: folder, Origin: &o}
	}
	for _, tt := range []struct {
		name        string
		before, now ReleaseSpec
		want        bool
	}{
		{"the same folder", at("shop", "", ""), at("shop", "", ""), true},
		{"another folder", at("shop", "", ""), at("other", "", ""), false},
		{"the same content elsewhere", ReleaseSpec{Source: "sha256:1", Folder: "shop"}, ReleaseSpec{Source: "sha256:1", Folder: "copy"}, true},
		{"a folder that is not known", ReleaseSpec{Source: "sha256:1"}, ReleaseSpec{Source: "sha256:2", Folder: "shop"}, true},
		{"a clone elsewhere", at("shop", "https://git.example/team/shop.git", "1"), at("build-77", "git@git.example:team/shop", "2"), true},
		{"a clone by way of SSH", at("a", "ssh://git@git.example:2222/team/shop.git", "1"), at("b", "https://git.example/team/shop/", "2"), true},
		{"another repository, the same folder name", at("shop", "https://git.example/a/shop", "1"), at("shop", "https://git.example/b/shop", "2"), false},
		{"renamed, later in the same history", at("shop", "", "1"), at("store", "", "2", "2", "1"), true},
		{"renamed, of another history", at("shop", "", "1"), at("store", "", "2", "2"), false},
		{"a remote since, the same folder", at("shop", "", "1"), at("shop", "https://git.example/a/shop", "9"), true},
	} {
		if got := isSame(tt.before, tt.now); got != tt.want {
			t.Errorf("%s: same %v, want %v", tt.name, got, tt.want)
		}
	}
}
