package cli

import (
	"context"
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/object"
)

// completionTime bounds what a person waits for after Tab.
const completionTime = time.Second

// ask is a question to the platform whose answers complete a word.
type ask func(ctx context.Context, cl *client.Client, args []string, word string) ([]string, error)

// complete completes from the platform, for a second at most; whatever goes
// wrong is no completion.
func (c *Command) complete(questions ...ask) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= len(questions) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		server, token, err := c.target()
		if err != nil || server == "" {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		cl, err := c.client(server, token)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, completionTime)
		defer cancel()
		words, err := questions[len(args)](ctx, cl, args, word)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFlag completes the value of a flag.
func (c *Command) completeFlag(cmd *cobra.Command, flag string, question ask) {
	of := c.complete(question)
	_ = cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		return of(cmd, nil, word)
	})
}

// askKinds completes kinds, with what they are.
func askKinds(ctx context.Context, cl *client.Client, _ []string, _ string) ([]string, error) {
	kinds, err := cl.Kinds(ctx)
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = k.Plural + "\t" + k.About
	}
	return words, err
}

// askNames completes names of the kind that the first argument names.
func askNames(ctx context.Context, cl *client.Client, args []string, word string) ([]string, error) {
	kind, err := cl.Kind(ctx, args[0])
	if err != nil {
		return nil, err
	}
	return names(ctx, cl, kind.Plural, word)
}

// askOf completes names of one kind.
func askOf(plural string) ask {
	return func(ctx context.Context, cl *client.Client, _ []string, word string) ([]string, error) {
		return names(ctx, cl, plural, word)
	}
}

func names(ctx context.Context, cl *client.Client, plural, word string) ([]string, error) {
	page, err := cl.List(ctx, plural, client.Query{Search: word, Limit: 200})
	var found []string
	for _, raw := range page.Items {
		var o object.Object
		if json.Unmarshal(raw, &o) == nil {
			found = append(found, o.Metadata.Name)
		}
	}
	return found, err
}

func (c *Command) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print the script that completes commands in a shell",
		Long: "Print the script that completes commands in a shell. Kinds, services, environments and releases are completed\n" +
			"from the platform, which is given a second to answer.",
		Example: "  source <(stoa completion bash)\n  stoa completion zsh > \"${fpath[1]}/_stoa\"\n" +
			"  stoa completion fish > ~/.config/fish/completions/stoa.fish\n  stoa completion powershell | Out-String | Invoke-Expression",
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(c.Out, true)
			case "zsh":
				return root.GenZshCompletion(c.Out)
			case "fish":
				return root.GenFishCompletion(c.Out, true)
			default:
				return root.GenPowerShellCompletionWithDesc(c.Out)
			}
		},
	}
}
