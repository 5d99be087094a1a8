package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/cli/witness"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
)

func (c *Command) auditCommand() *cobra.Command {
	return group("audit", "Prove what happened: export the ledger, verify it offline", c.auditExportCommand(), c.auditVerifyCommand(), c.auditCheckpointCommand())
}

func (c *Command) auditExportCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:     "export FILE",
		Short:   "Write the whole ledger to a file that can be verified offline",
		Example: "  stoa audit export ledger.jsonl\n  stoa audit export - | zstd > ledger.jsonl.zst",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.save(cmd, args[0], force, "exporting", (*client.Client).Export, nil, "verify it anywhere: stoa audit verify "+args[0])
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "overwrite the file if it is there")
	return cmd
}

func (c *Command) auditCheckpointCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "checkpoint",
		Short: "Print the signed head of the ledger, and keep it here as witness",
		Long: "Print the signed head of the ledger, and keep it here as witness. Every later command demands a proof that the\n" +
			"ledger goes on from it: history that is rewritten and signed anew is found out.",
		Example: "  stoa audit checkpoint\n  stoa audit checkpoint > checkpoint.txt    # to be kept elsewhere",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			pin, err := witness.Pin(cl.Server())
			if err != nil {
				return err
			}
			if err := c.checkPinNow(cmd.Context(), cl, pin); err != nil {
				return err
			}
			kept, key, err := pin.Read()
			if err != nil {
				return err
			}
			if kept.Note == "" { // the platform did not answer; let it tell why
				_, err := cl.Checkpoint(cmd.Context())
				return cmp.Or(err, error(problem.New(problem.NotFound, "nothing is in the ledger yet")))
			}
			if c.Structured() {
				return c.Print(map[string]any{"checkpoint": kept, "publicKey": key})
			}
			fmt.Fprint(c.Out, kept.Note)
			c.Note("kept in %s; its key is %s", pin.Path, key)
			return nil
		},
	}
}

type verifyOptions struct{ checkpoint, key string }

func (c *Command) auditVerifyCommand() *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Verify an exported ledger; needs no platform",
		Long: "Verify an exported ledger; needs no platform. Every row is checked against the tree, every checkpoint against\n" +
			"its signature, and all of it against a checkpoint that was kept elsewhere: the one given, or the one that this\n" +
			"machine saw last. What is changed, missing, reordered, truncated or forked is told with its place.",
		Example: "  stoa audit verify ledger.jsonl\n  stoa audit verify ledger.jsonl.zst --checkpoint checkpoint.txt --key 'stoa.dev/ledger+5f2a…'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.auditVerify(cmd.Context(), args[0], o)
		},
	}
	cmd.Flags().StringVar(&o.checkpoint, "checkpoint", "", "file with a signed checkpoint that was kept (default: what this machine saw last)")
	cmd.Flags().StringVar(&o.key, "key", "", "the platform's public key, as it was learnt elsewhere")
	return cmd
}

func (c *Command) auditVerify(ctx context.Context, path string, o verifyOptions) error {
	options := event.VerifyOptions{PublicKey: o.key}
	if o.checkpoint != "" {
		raw, err := os.ReadFile(o.checkpoint)
		if err != nil {
			return problem.New(problem.NotFound, "the checkpoint cannot be read: %v", err)
		}
		options.Pinned = string(raw)
	} else if note, key := c.witnessed(path); note != "" {
		options.Pinned, options.PublicKey = note, cmp.Or(o.key, key)
	}
	in, size, closeFile, err := c.input(path)
	if err != nil {
		return err
	}
	defer closeFile()
	progress := c.Live()
	defer progress.Close()
	report, err := event.Verify(&interrupted{ctx, io.TeeReader(in, &terminal.Counting{To: io.Discard, Each: func(n int64) {
		progress.Bar("verifying", n, size, catalog.FormatBytes)
	}})}, options)
	progress.Close()
	if err != nil {
		return err
	}
	if c.Structured() {
		if err := c.Print(report); err != nil {
			return err
		}
	} else {
		c.reported(report)
	}
	if report.OK() {
		return nil
	}
	const shown = 20
	told := problem.New(problem.Failed, "the ledger does not hold: %s", report.Findings[0])
	for _, f := range report.Findings[1:min(shown, len(report.Findings))] {
		told.Because(f.String())
	}
	if more := int64(max(0, len(report.Findings)-shown)) + report.More; more > 0 {
		told.Because(fmt.Sprintf("and %d more", more))
	}
	return told.Do("keep the file: it is the evidence", "stoa audit export FILE    fetches it anew, to tell a damaged copy from a damaged ledger")
}

// reported tells what was verified, and what was not.
func (c *Command) reported(r event.Report) {
	say := func(label, format string, args ...any) {
		fmt.Fprintf(c.Out, "  %s %s\n", c.Paint().Dim(fmt.Sprintf("%-12s", label)), fmt.Sprintf(format, args...))
	}
	say("events", "%d, of which %d are sealed by %s and %d are not yet", r.Events, r.Sealed, output.Count(r.Checkpoints, "checkpoint"), r.Unsealed)
	if r.Erased > 0 {
		say("erased", "%s, each on record", output.Count(r.Erased, "payload"))
	}
	if r.PinnedSize > 0 {
		say("witness", "a checkpoint over %s that was kept outside the platform", output.Count(r.PinnedSize, "event"))
	} else {
		say("witness", "none: without a kept checkpoint, history that was rewritten and signed anew is not found out")
	}
	if !r.KeyGiven {
		say("key", "%s, which is the export's own word", r.PublicKey)
	}
	if r.OK() {
		say("verdict", "%s", c.Paint().Good("it holds")+", up to "+r.Latest.Time.UTC().Format(time.RFC3339))
	}
}

// witnessed gives the checkpoint that this machine has seen of the platform
// that an export is of, by its key; of the configured platform if none fits, so
// that a new key over an old name is found out.
func (c *Command) witnessed(path string) (signed, key string) {
	exported := exportKey(path)
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", ""
	}
	pins, _ := filepath.Glob(filepath.Join(dir, "stoa", "pins", "*.json")) // the pattern is well-formed
	for _, file := range pins {
		if kept, key, err := (event.Pin{Path: file}).Read(); err == nil && exported != "" && key == exported {
			return kept.Note, key
		}
	}
	server, _, err := c.target()
	if err != nil || server == "" {
		return "", ""
	}
	pin, err := witness.Pin(strings.TrimSuffix(server, "/"))
	if err != nil {
		return "", ""
	}
	kept, key, err := pin.Read()
	if err != nil {
		return "", ""
	}
	return kept.Note, key
}

// exportKey reads the public key in the first line of an export, "" if it is
// compressed or no export.
func exportKey(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	line, _ := bufio.NewReader(io.LimitReader(f, 1<<16)).ReadBytes('\n') // verification tells what is wrong with it
	var first struct {
		Ledger event.ExportHeader `json:"ledger"`
	}
	_ = json.Unmarshal(line, &first)
	return first.Ledger.Key
}

// interrupted is a reader that ends with its context.
type interrupted struct {
	ctx context.Context
	r   io.Reader
}

// Read reads unless the context has ended.
func (i *interrupted) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}
