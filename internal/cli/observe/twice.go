package observe

import (
	"context"
	"strings"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/history"
)

// toldBy gives the source that told of the repository's deployments in the other way, and
// did so first; "" for none. The way that was first goes on, whatever the other tells since:
// of the two there is always one that is read.
func (o *observer) toldBy(ctx context.Context, r history.Repository) (string, error) {
	other, exact := r.OtherWay()
	if o.client == nil || other == "" {
		return "", nil
	}
	if !exact {
		return o.clonedFirst(ctx, r, other)
	}
	theirs, err := o.first(ctx, r, other)
	if err != nil || theirs == 0 {
		return "", err
	}
	if own, err := o.first(ctx, r, r.Source); err != nil || own != 0 && own < theirs {
		return "", err
	}
	return other, nil
}

// deploymentsOf asks for the deployments of the repository's service in the order in which
// they were told. The first event of a ledger is the platform's own.
func deploymentsOf(r history.Repository) client.EventQuery {
	return client.EventQuery{Types: []string{"dev.cdevents.service."}, Service: r.Service, After: "1", Limit: 1}
}

// first is when a source began to tell of the repository's deployments, as a sequence; 0 if
// it has not.
func (o *observer) first(ctx context.Context, r history.Repository, source string) (int64, error) {
	q := deploymentsOf(r)
	q.Source = source
	events, _, err := o.client.Events(ctx, q)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	return events[0].Seq, nil
}

// clonedFirst gives the source of the clone that was told of before anything was under the
// repository's own. Which clones there are nothing says, so it reads until it comes to one
// of the two.
func (o *observer) clonedFirst(ctx context.Context, r history.Repository, clones string) (string, error) {
	for q := deploymentsOf(r); ; q.Limit = 1000 {
		events, next, err := o.client.Events(ctx, q)
		if err != nil {
			return "", err
		}
		for _, e := range events {
			if e.Source == r.Source {
				return "", nil
			}
			if strings.HasPrefix(e.Source, clones) {
				return e.Source, nil
			}
		}
		if q.After = next; next == "" {
			return "", nil
		}
	}
}
