// Package docs holds the documentation, so that a platform shows its users the
// pages of the very version that it runs.
package docs

import "embed"

// Files are the pages in Markdown, such as "quotas.md" and "reference/cli.md".
//
//go:embed *.md adr/*.md reference/*.md
var Files embed.FS
