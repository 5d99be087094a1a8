package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestToldCommandsExist: what people are told to run next, by the API, the portal or
// the command, is a command with flags that there are.
func TestToldCommandsExist(t *testing.T) {
	root := (&Command{version: "dev"}).root()
	command := regexp.MustCompile(`(?:^|[:;(,] +|&& |or +)stoa ((?:[a-zX%-][^\s;)]* ?)(?:[^\s;)]+ ?)*)`)
	found := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			strings.Contains(path, "/bench/") || strings.Contains(path, "/simulate/") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			expr, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			text, ok := literal(expr)
			if !ok || strings.ContainsRune(text, 0) { // no text
				return true
			}
			for _, m := range command.FindAllStringSubmatch(text, -1) {
				found++
				if wrong := wrongCommand(root, m[1]); wrong != "" {
					t.Errorf("%s tells to run %q: %s", path, "stoa "+m[1], wrong)
				}
			}
			return false
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 100 {
		t.Errorf("only %d commands found in the code: the pattern looks for too little", found)
	}
}

// literal gives a string literal, or several with something else between them, for
// which X stands.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", false
		}
		a, okA := literal(e.X)
		b, okB := literal(e.Y)
		if !okA {
			a = "X"
		}
		if !okB {
			b = "X"
		}
		return a + b, okA || okB
	}
	return "", false
}

// wrongCommand says what is wrong with the words of a command, "" for nothing.
func wrongCommand(root *cobra.Command, line string) string {
	line, _, _ = strings.Cut(line, "    ") // what follows says what it does
	line, _, _ = strings.Cut(line, " && ")
	at := root
	for word := range strings.FieldsSeq(line) {
		name, _, _ := strings.Cut(strings.Trim(word, ".,\"'`"), "=")
		switch {
		case strings.HasPrefix(name, "--"):
			if !hasFlag(at, name[2:]) {
				return "it has no flag " + name
			}
		case at.HasSubCommands():
			sub, _, err := at.Find([]string{name})
			if err != nil || sub == at {
				if strings.HasPrefix(name, "X") || strings.HasPrefix(name, "%") {
					return "" // known when it runs
				}
				return "there is no command " + name
			}
			at = sub
		}
	}
	return ""
}

func hasFlag(cmd *cobra.Command, name string) bool {
	return cmd.Flag(name) != nil || cmd.InheritedFlags().Lookup(name) != nil
}
