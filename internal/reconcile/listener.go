package reconcile

import (
	"context"
	"database/sql"
	"sync"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"
)

// SQLite has no LISTEN. Since one process owns the database, a notification
// need not leave it: listeningDriver gives River's notifier a listener that
// wakes it as soon as a transaction with jobs has committed. Without it a job
// would wait for the next poll. The poll stays behind it as a safety net.
type listeningDriver struct {
	*riversqlite.Driver
	hub    *hub
	reader *sql.DB
}

var _ riverdriver.Driver[*sql.Tx] = listeningDriver{}

func (d listeningDriver) SupportsListener() bool { return true }

func (d listeningDriver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return &listener{hub: d.hub}
}

func (d listeningDriver) GetExecutor() riverdriver.Executor {
	return executor{d.Driver.GetExecutor(), d.reader}
}

// executor looks before it takes. River polls each queue once a second by an
// UPDATE, which takes the database's one write lock even where there is nothing to
// be taken, and which SQLite compiles anew for each time that it is given.
type executor struct {
	riverdriver.Executor
	reader *sql.DB
}

func (e executor) JobGetAvailable(ctx context.Context, p *riverdriver.JobGetAvailableParams) ([]*rivertype.JobRow, error) {
	var some bool
	err := e.reader.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM river_job WHERE state = 'available' AND queue = ?)", p.Queue).Scan(&some)
	if err != nil || !some {
		return nil, err
	}
	return e.Executor.JobGetAvailable(ctx, p)
}

// insertTopic and a payload are what River's producers wait for.
const insertTopic = "river_insert"

// insertPayloads name the queues; which of them got a job is not told, and to
// look costs little.
var insertPayloads = [...]string{`{"queue":"default"}`, `{"queue":"` + longQueue + `"}`}

// hub hands notifications to the listeners that are connected.
type hub struct {
	mu        sync.Mutex
	listeners map[*listener]struct{}
}

func newHub() *hub { return &hub{listeners: map[*listener]struct{}{}} }

// notify never blocks: a listener that already has a notification waiting
// learns nothing new from another one.
func (h *hub) notify() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.listeners {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

type listener struct {
	hub  *hub
	wake chan struct{}
	due  int // payloads that are still to be told of the last wake
}

func (l *listener) Connect(context.Context) error {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	l.wake, l.due = make(chan struct{}, 1), 0
	l.hub.listeners[l] = struct{}{}
	return nil
}

func (l *listener) Close(context.Context) error {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	delete(l.hub.listeners, l)
	return nil
}

func (l *listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	if l.due == 0 {
		select {
		case <-l.wake:
			l.due = len(insertPayloads)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	l.due--
	return &riverdriver.Notification{Topic: insertTopic, Payload: insertPayloads[l.due]}, nil
}

func (l *listener) Listen(context.Context, string) error   { return nil }
func (l *listener) Unlisten(context.Context, string) error { return nil }
func (l *listener) Ping(context.Context) error             { return nil }
func (l *listener) Schema() string                         { return "" }
func (l *listener) SetAfterConnectExec(string)             {}
