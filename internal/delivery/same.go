package delivery

import (
	"cmp"
	"context"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// sameSource refuses a release whose source only happens to be named as a
// service that another source made: nobody has said that it shall replace it.
// A name that a person or score.yaml gave is meant.
func sameSource(ctx context.Context, r object.Reader, rel Release) error {
	name := namedBy(rel.Spec)
	if strings.HasPrefix(path.Base(name), "score.y") {
		return nil
	}
	// A promotion and a rollback carry the source of an earlier release, and not
	// its folder: only what was deployed says where the service comes from.
	last, err := lastDeployed(ctx, r, rel.Spec.Service)
	if err != nil || last == nil || last.Status.Retired || isSame(last.Spec, rel.Spec) {
		return err
	}
	return problem.New(problem.Conflict, "service %s is of another source: this would replace it", rel.Spec.Service).
		Because("the name was taken from "+name,
			"release "+last.Metadata.Name+" came from "+whence(last.Spec)+", this is "+whence(rel.Spec)).
		Do("stoa up --name OTHER    makes a service of its own",
			"stoa up --name "+rel.Spec.Service+"    goes on as the same service")
}

// lastDeployed gives the newest release of a service that was made of a source, nil
// if there is none. It is mostly the newest of all, and releases are large: they
// are read a few at a time.
func lastDeployed(ctx context.Context, r object.Reader, service string) (*Release, error) {
	q := object.Query{Fields: map[string]string{"spec.service": service}, Newest: true, Limit: 5}
	for {
		some, next, err := object.List[Release](ctx, r, q)
		if err != nil {
			return nil, err
		}
		if at := slices.IndexFunc(some, func(r Release) bool { return r.Spec.Cause == CauseDeploy }); at >= 0 {
			return &some[at], nil
		}
		if q.After = next; next == "" {
			return nil, nil
		}
	}
}

// namedBy is what the service's name was taken from, without the line.
func namedBy(s ReleaseSpec) string {
	for _, d := range s.Detected {
		if d.Field == "name" {
			source, _, _ := strings.Cut(d.Source, ":")
			return source
		}
	}
	return "the source"
}

// isSame reports whether two sources are one, as far as is known: what is not
// known speaks against nobody. A checkout may be anywhere, so a repository
// says more than a folder.
func isSame(before, now ReleaseSpec) bool {
	was, is := origin(before), origin(now)
	switch {
	case before.Source == now.Source:
		return true
	case was.Remote != "" && is.Remote != "":
		return repository(was.Remote) == repository(is.Remote)
	case was.Commit != "" && (was.Commit == is.Commit || slices.ContainsFunc(is.Recent, func(c detect.Commit) bool { return c.Commit == was.Commit })):
		return true
	}
	return before.Folder == "" || now.Folder == "" || before.Folder == now.Folder
}

func origin(s ReleaseSpec) detect.Origin {
	if s.Origin == nil {
		return detect.Origin{}
	}
	return *s.Origin
}

// whence names where a source was.
func whence(s ReleaseSpec) string {
	return cmp.Or(origin(s).Remote, "folder "+s.Folder)
}

// repository is the same text for all addresses of a repository: with or
// without scheme, user, ".git".
func repository(remote string) string {
	text := remote
	if u, err := url.Parse(remote); err == nil && u.Host != "" {
		text = u.Hostname() + u.Path
	} else if host, rest, found := strings.Cut(remote, ":"); found && !strings.Contains(host, "/") {
		text = host[strings.LastIndex(host, "@")+1:] + "/" + strings.TrimPrefix(rest, "/")
	}
	return strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(text, "/"), ".git"))
}
