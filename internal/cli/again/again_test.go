package again

import (
	"testing"

	"github.com/spf13/cobra"
)

// What is told to run next runs as it is told: with the folder and the flags.
func TestAgain(t *testing.T) {
	root := &cobra.Command{Use: "stoa"}
	var l Line
	cmd := &cobra.Command{Use: "up", RunE: func(cmd *cobra.Command, args []string) error {
		l = Of(cmd, args)
		return nil
	}}
	cmd.Flags().BoolP("detach", "d", false, "")
	cmd.Flags().StringP("output", "o", "", "")
	cmd.Flags().String("team", "", "")
	cmd.Flags().StringArray("set", nil, "")
	cmd.Flags().StringArray("answer", nil, "")
	root.AddCommand(cmd)
	root.SetArgs([]string{"up", "x/my crash", "-d", "-o", "json", "--set", "A=1 2", "--set", "B=2", "--team", "gone", "--answer", "component=a"})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	const whole = "stoa up 'x/my crash' --answer component=a --detach --set 'A=1 2' --set B=2"
	for line, want := range map[string]string{
		"stoa up --team payments":               whole + " --team payments",
		"stoa up    without --team":             whole + "    without --team",
		"stoa up --answer team=payments":        whole + " --team gone --answer team=payments",
		"stoa up --name OTHER --team x    more": whole + " --name OTHER --team x    more",
		"stoa up DIR    makes a new one":        "stoa up DIR    makes a new one",
		"stoa history shop":                     "stoa history shop",
		"name the owning team in CODEOWNERS":    "name the owning team in CODEOWNERS",
	} {
		if got := l.whole(line); got != want {
			t.Errorf("%q is completed to\n%q, want\n%q", line, got, want)
		}
	}
}
