package cli

import (
	"context"

	"github.com/stoa-platform/stoa/internal/cli/clone"
)

// checkout gives the folder to deploy: the one named, or a clone of the
// repository named, which cleanup removes.
func checkout(ctx context.Context, args []string) (dir string, cleanup func(), err error) {
	if len(args) > 0 && clone.IsAddress(args[0]) {
		return clone.Make(ctx, args[0])
	}
	dir, err = folder(args)
	return dir, func() {}, err
}
