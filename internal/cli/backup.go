package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/cli/file"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/config"
	"github.com/stoa-platform/stoa/internal/problem"
)

func (c *Command) backupCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a verified copy of the platform's database, while it runs",
		Long: "Write a verified copy of the platform's database, while it runs: objects with their history, the ledger,\n" +
			"accounts, encrypted secrets. The keyset that opens the secrets is kept apart from it, in keys/ of the data folder;\n" +
			"sources, built artifacts, logs and metrics lie in the data folder too.\n\n" +
			"The file is read back and compared with the digests in it before it gets its name. What goes to standard output is\n" +
			"verified on its way: it is whole if the exit code is 0.",
		Example: "  stoa backup stoa-$(date +%F).backup\n  stoa backup - | age -r KEY > stoa.backup.age",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.save(cmd, args[0], force, "backing up", (*client.Client).Backup, c.host.VerifyBackup,
				"keep the keyset as well, elsewhere: "+c.keyset()+"; without it the secrets cannot be opened",
				"who is erased later is still named in it: keep the file erased of the data folder, for stoa restore --forget")
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "overwrite the file if it is there")
	return cmd
}

// keyset names the file of the keyset, by its path where the platform runs on the data
// folder at hand.
func (c *Command) keyset() string {
	server, _, err := c.target()
	data, none := config.DataDir()
	if err == nil && none == nil && server != "" && server == c.host.Endpoint(data) {
		return cmp.Or(os.Getenv(config.EnvKeyset), filepath.Join(data, "keys", "secrets.json"))
	}
	return "keys/secrets.json of the platform's data folder, or the file that its " + config.EnvKeyset + " names"
}

// save downloads what get gets to a file that is not there yet, unless it is forced to
// overwrite it: what one falls back to, and what proves something, is not lost in
// silence. "-" is stdout. What check, which may be nil, refuses gets no name. The
// notes say what to do with the file.
func (c *Command) save(cmd *cobra.Command, path string, force bool, doing string, get func(*client.Client, context.Context, io.Writer) error, check func(context.Context, io.Reader) error, notes ...string) error {
	// A device or a pipe holds nothing.
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && !force {
		return problem.New(problem.Conflict, "%s is there already; nothing was written", path).
			Do(cmd.CommandPath()+" OTHER", cmd.CommandPath()+" "+path+" --force    overwrites it")
	}
	cl, err := c.connect(cmd.Context())
	if err != nil {
		return err
	}
	n, err := c.download(cmd.Context(), path, doing, func(ctx context.Context, w io.Writer) error { return get(cl, ctx, w) }, check)
	if err != nil || path == "-" {
		return err
	}
	if c.Structured() {
		return c.Print(map[string]any{"file": path, "bytes": n})
	}
	fmt.Fprintf(c.Out, "%s: %s\n", path, catalog.FormatBytes(n))
	for _, note := range notes {
		c.Note("%s", note)
	}
	return nil
}

// download writes what get gets to a file, which has its name when it is
// whole and check has read it back, or to stdout for "-". It returns the number
// of bytes.
func (c *Command) download(ctx context.Context, path, doing string, get func(context.Context, io.Writer) error, check func(context.Context, io.Reader) error) (int64, error) {
	progress := c.Live()
	defer progress.Close()
	var n int64
	write := func(w io.Writer) error {
		return get(ctx, &terminal.Counting{To: w, Each: func(done int64) {
			n = done
			progress.Bar(doing, done, 0, catalog.FormatBytes)
		}})
	}
	var checked func(io.Reader) error
	if check != nil {
		checked = func(r io.Reader) error { return check(ctx, r) }
	}
	if path == "-" {
		err := file.Through(c.Out, write, checked)
		return n, err
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return 0, problem.New(problem.NotFound, "there is no folder %s", filepath.Dir(path))
	}
	var told error
	err := file.Replace(path, func(f *os.File) error { told = file.Checked(f, write, checked); return told })
	if told != nil {
		return n, told
	}
	return n, err
}

func (c *Command) restoreCommand() *cobra.Command {
	var conf config.Config
	var forget string
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a platform's database out of a backup; the platform must not run",
		Long: "Make a platform's database out of a backup; the platform must not run and its database must be empty. Every row\n" +
			"is compared with the backup before anything counts. Copy keys/ of the old data folder beside it: it opens the\n" +
			"secrets. What ran is started again by the next `stoa serve`, where its artifacts and sources are at hand.\n\n" +
			"A backup still names whoever was erased after it was made. The file erased of the data folder lists their\n" +
			"pseudonyms: it is heeded where it lies in the folder that is restored to, or given by --forget, and the platform\n" +
			"erases them again before it serves. Without it their names come back; nothing in the backup can tell.",
		Example: "  stoa restore stoa-2026-11-22.backup\n  stoa restore stoa.backup --forget erased\n  stoa restore stoa.backup --data /var/lib/stoa\n  stoa restore stoa.backup --database postgres://stoa@127.0.0.1/stoa",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			conf.Version = c.version
			conf, err := conf.WithDefaults()
			if err != nil {
				return err
			}
			return c.restore(cmd.Context(), args[0], forget, conf)
		},
	}
	cmd.Flags().StringVar(&forget, "forget", "", "the file erased of the old data folder: who was erased since the backup")
	cmd.Flags().StringVar(&conf.Data, "data", "", "folder of the platform's data (STOA_DATA)")
	cmd.Flags().StringVar(&conf.Database, "database", "", "PostgreSQL URL or path of a SQLite file (STOA_DATABASE, default stoa.db in the data folder)")
	return cmd
}

func (c *Command) restore(ctx context.Context, path, forget string, conf config.Config) error {
	if server := c.host.Endpoint(conf.Data); server != "" && alive(ctx, server) {
		return problem.New(problem.Conflict, "a platform runs on %s: it answers at %s", conf.Data, server).Do("stop it first", "stoa restore "+path+" --data OTHER    makes another one")
	}
	from, size, closeFile, err := c.input(path)
	if err != nil {
		return err
	}
	defer closeFile()
	var erased io.Reader
	if forget != "" {
		list, _, closeList, err := c.input(forget)
		if err != nil {
			return err
		}
		defer closeList()
		erased = list
	}
	progress := c.Live()
	defer progress.Close()
	from = io.TeeReader(from, &terminal.Counting{To: io.Discard, Each: func(n int64) { progress.Bar("restoring", n, size, catalog.FormatBytes) }})
	log := slog.New(slog.NewTextHandler(c.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	held, err := c.host.Restore(ctx, conf, from, erased, log)
	progress.Close()
	if err != nil {
		return err
	}
	if c.Structured() {
		return c.Print(held)
	}
	fmt.Fprintf(c.Out, "restored to %s: %s, %s of the ledger, as of %s\n", conf.Data, output.Count(held.Objects, "object"), output.Count(held.Events, "event"), held.Made.Local().Format(time.DateTime))
	if held.Secrets > 0 {
		c.Note("before stoa serve: copy keys/ of the old data folder to %s, which opens the %s", filepath.Join(conf.Data, "keys"), output.Count(held.Secrets, "secret value"))
	}
	return nil
}
