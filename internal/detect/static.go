package detect

import (
	"context"
	"path"
)

// detectStatic proposes a folder of files that are served as they are.
func detectStatic(_ context.Context, s *scan, dir string) (*draft, error) {
	for _, output := range []string{".", "public", "dist", "_site", "build", "out", "www", "site", "html", "static", "docs"} {
		index := s.src.first(path.Join(dir, output), "index.html", "index.htm")
		if index == "" {
			continue
		}
		confidence := convention
		if output == "." {
			confidence = readInCode
		}
		d := newDraft(dir, "static", index)
		d.setType(TypeStatic, index, confidence)
		d.setOutput(output, index, confidence)
		d.Artifact = Artifact{Kind: ArtifactStatic, Path: output}
		return d, nil
	}
	return nil, nil
}
