package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Reference renders the documentation of every command as Markdown.
func Reference() string {
	root := (&Command{version: "dev"}).root()
	var b strings.Builder
	b.WriteString("# The command line\n\n")
	b.WriteString("<!-- Made from the commands themselves: go test ./internal/cli -run Reference -update -->\n\n")
	b.WriteString(paragraphs(root.Long) + "\n\n")
	b.WriteString("| code | meaning |\n|---|---|\n| 0 | done |\n| 1 | failed |\n| 2 | wrong: the command line, a file or a value; the same again fails again |\n" +
		"| 3 | refused by a gate |\n| 4 | not found |\n| 5 | not allowed |\n\n")
	b.WriteString("`-o json` prints one document on stdout and nothing else; problems go to stderr, as JSON then too.\n\n")
	b.WriteString("## Every command takes\n\n" + flagTable(root.PersistentFlags()) + "\n")
	for _, group := range root.Groups() {
		fmt.Fprintf(&b, "## %s\n\n", strings.TrimSuffix(group.Title, ":"))
		for _, cmd := range root.Commands() {
			if cmd.GroupID == group.ID {
				describeCommand(&b, cmd)
			}
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// describeCommand writes the section of a command and those of its own commands.
func describeCommand(b *strings.Builder, cmd *cobra.Command) {
	fmt.Fprintf(b, "### %s\n\n", cmd.CommandPath())
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	b.WriteString(paragraphs(text) + "\n\n")
	if cmd.HasSubCommands() {
		for _, sub := range cmd.Commands() {
			fmt.Fprintf(b, "- [`%s`](#%s) %s\n", sub.CommandPath(), strings.ReplaceAll(sub.CommandPath(), " ", "-"), sub.Short)
		}
		b.WriteString("\n")
		for _, sub := range cmd.Commands() {
			describeCommand(b, sub)
		}
		return
	}
	fmt.Fprintf(b, "```\n%s\n```\n\n", cmd.UseLine())
	if cmd.Example != "" {
		var lines []string
		for line := range strings.SplitSeq(cmd.Example, "\n") {
			lines = append(lines, strings.TrimPrefix(line, "  "))
		}
		fmt.Fprintf(b, "```sh\n%s\n```\n\n", strings.Join(lines, "\n"))
	}
	if flags := flagTable(cmd.LocalNonPersistentFlags()); flags != "" {
		b.WriteString(flags + "\n")
	}
}

// flagTable lists flags with what they do, "" if there are none.
func flagTable(flags *pflag.FlagSet) string {
	var b strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" || f.Name == "version" {
			return
		}
		if b.Len() == 0 {
			b.WriteString("| flag | |\n|---|---|\n")
		}
		name := "`--" + f.Name
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + ", --" + f.Name
		}
		kind, usage := pflag.UnquoteUsage(f)
		if kind != "" {
			name += " " + strings.ToUpper(kind)
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "-1" && f.DefValue != "[]" {
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(&b, "| %s` | %s |\n", name, strings.ReplaceAll(usage, "|", "\\|"))
	})
	return b.String()
}

// paragraphs joins the lines that help texts are wrapped at.
func paragraphs(text string) string {
	parts := strings.Split(text, "\n\n")
	for i := range parts {
		parts[i] = strings.Join(strings.Fields(parts[i]), " ")
	}
	return strings.Join(parts, "\n\n")
}
