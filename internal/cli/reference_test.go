package cli

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write the reference of the commands anew")

const referencePath = "../../docs/reference/cli.md"

func TestReferenceIsCurrent(t *testing.T) {
	want := Reference()
	if *update {
		if err := os.WriteFile(referencePath, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referencePath)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is stale: go test ./internal/cli -run Reference -update", referencePath)
	}
}

// Every command says what it does, shows an example, and its examples name
// commands and flags that exist.
func TestEveryCommandIsExplained(t *testing.T) {
	root := (&Command{version: "dev"}).root()
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Short == "" || cmd.Example == "" {
			t.Errorf("%s lacks a description or an example", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			checkExample(t, root, line)
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
}

func checkExample(t *testing.T, root *cobra.Command, line string) {
	t.Helper()
	_, line, found := strings.Cut(strings.TrimSpace(line), "stoa ")
	if !found {
		t.Errorf("example without stoa: %s", line)
		return
	}
	line, _, _ = strings.Cut(line, " | ")
	line, _, _ = strings.Cut(line, " > ")
	line, _, _ = strings.Cut(line, "#")
	words := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" ()\"", r) })
	cmd, rest, err := root.Find(words)
	if err != nil || cmd == root {
		t.Errorf("example of no command: stoa %s: %v", line, err)
		return
	}
	for _, word := range rest {
		name, isFlag := strings.CutPrefix(word, "--")
		name, _, _ = strings.Cut(name, "=")
		if isFlag && !hasFlag(cmd, name) {
			t.Errorf("example of %s with unknown flag --%s: %s", cmd.CommandPath(), name, line)
		}
	}
}
