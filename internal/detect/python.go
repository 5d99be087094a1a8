package detect

import "context"

func detectPython(context.Context, *scan, string) (*draft, error) { return nil, nil }
