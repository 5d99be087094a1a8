package architecture

// A layer is one storey of the house. A package may import the layers below
// its own, and of its own layer only what siblings allows.
type layer struct {
	name     string
	packages []string // with all folders below them
	// ordered says that each package may import those before it in the list.
	ordered bool
}

// layers lists the storeys from the ground up.
var layers = []layer{
	{name: "foundation", ordered: true, packages: []string{
		"docs",
		"internal/problem",
		"internal/config",
		"internal/telemetry",
		"internal/tree",
		"internal/guardian",
		"internal/object",
		"internal/hosted",
		"internal/event",
		"internal/auth",
		"internal/store/sqliteconn",
		"internal/store/bulk",
		"internal/store",
		"internal/reconcile",
		"internal/admission",
	}},
	{name: "engines", packages: []string{
		"internal/expr",
		"internal/measure",
		"internal/detect",
		"internal/source",
		"internal/history",
		"internal/build",
		"internal/runtime",
		"internal/provider",
		"internal/route",
		"internal/secret",
		"internal/logs",
		"internal/metrics",
		"internal/notify",
		"internal/webhook",
	}},
	{name: "rooms", packages: []string{
		"internal/catalog",
		"internal/delivery",
		"internal/governance",
		"internal/lifecycle",
		"internal/research",
		"internal/planning",
		"internal/adoption",
		"internal/reliability",
		"internal/support",
		"internal/funding",
	}},
	{name: "doors", packages: []string{
		"internal/cli",
		"internal/simulate",
		"internal/api",
		"internal/portal",
		"client",
	}},
	{name: "composition", ordered: true, packages: []string{
		"internal/app",
		"cmd/stoa",
	}},
}

// apart are packages outside the house: they hold tests and what tests need,
// and only test files and other test support may import them. internal/bench is
// a program of its own that measures the house from outside, and the store and
// the queue by themselves.
var apart = []string{"internal/testenv", "internal/bench", "internal/architecture", "internal/store/storetest", "internal/event/eventtest", "internal/runtime/runtimetest", "internal/provider/providertest"}

// siblings are the imports within a layer that are allowed, each with its reason.
var siblings = map[edge]string{
	{"internal/cli", "client"}:                   "the command line talks to a platform as any other client does",
	{"internal/cli", "internal/simulate"}:        "stoa simulate is a command",
	{"internal/simulate", "client"}:              "a simulated organisation talks to a platform as any other client does",
	{"internal/delivery", "internal/catalog"}:    "a release is of a service, and the service is the catalog's",
	{"internal/governance", "internal/catalog"}:  "quotas and policies are about services and their teams",
	{"internal/adoption", "internal/catalog"}:    "who uses what is about the catalog's teams, people and capabilities",
	{"internal/adoption", "internal/governance"}: "a team with an exception from a capability is not one that could use it",
	{"internal/detect", "internal/secret"}:       "what is refused as a plain setting is not taken over from a source either",
	{"internal/history", "internal/detect"}:      "CODEOWNERS says the same of an old repository as of a folder that is released",
}

// forbidden are imports that point down and are wrong all the same. What doors
// share with rooms are the types that go over the wire.
var forbidden = map[edge]string{
	{"internal/cli", "internal/store"}:        "the command line reaches a platform through client only",
	{"internal/cli", "internal/reconcile"}:    "the command line reaches a platform through client only",
	{"internal/cli", "internal/runtime"}:      "the command line reaches a platform through client only",
	{"internal/portal", "internal/reconcile"}: "pages insert no jobs: every write goes through admission",
	{"internal/api", "internal/reconcile"}:    "handlers insert no jobs: every write goes through admission",
}

// only are packages that import nothing of the house but what stands here. Who
// imports the client from outside must be able to name its types and must not
// get the platform with it. What the simulator says is true must not come from
// the code that measures it.
var only = map[string][]string{
	"client":            {"internal/problem"},
	"internal/simulate": {"client", "internal/problem"},
}

type edge struct{ from, to string }

// homes are the heavy libraries, each with the packages that it may stand in.
// One is the rule; a second one has its reason beside it.
var homes = map[string][]string{
	"github.com/danielgtaylor/huma/v2":         {"internal/api"},
	"github.com/a-h/templ":                     {"internal/portal"},
	"github.com/yuin/goldmark":                 {"internal/portal"},
	"github.com/spf13/cobra":                   {"internal/cli"},
	"charm.land/lipgloss/v2":                   {"internal/cli"},
	"github.com/google/cel-go":                 {"internal/expr"},
	"github.com/tink-crypto/tink-go/v2":        {"internal/secret"},
	"github.com/coreos/go-oidc/v3":             {"internal/auth"},
	"modernc.org/sqlite":                       {"internal/store"},
	"github.com/pressly/goose/v3":              {"internal/store"},
	"github.com/jackc/pgx/v5":                  {"internal/store", "internal/reconcile"}, // River's listener needs a pgx pool of its own
	"github.com/riverqueue/river":              {"internal/reconcile"},
	"github.com/invopop/jsonschema":            {"internal/object"},
	"github.com/santhosh-tekuri/jsonschema/v6": {"internal/object"},
	"github.com/moby/buildkit":                 {"internal/detect"},
	"github.com/compose-spec/compose-go/v2":    {"internal/detect"},
	"github.com/google/go-containerregistry":   {"internal/build"},
	"github.com/google/osv-scalibr":            {"internal/governance"},
	"github.com/prometheus/prometheus":         {"internal/metrics"},
	"k8s.io/client-go":                         {"internal/runtime/kubernetes"},
	"github.com/modelcontextprotocol/go-sdk":   {"internal/mcp"},
	"github.com/go-json-experiment/json":       {"internal/event"},
}

// Limits of size, in lines.
const (
	maxFile     = 400  // of a file that is not generated
	maxTestFile = 700  // of a file of tests: one table is one file
	maxPackage  = 3000 // of a package without tests, comments and blank lines
)

// larger are packages over maxPackage, with what they may grow to and why.
var larger = map[string]int{
	"internal/detect": 5100, // one small file for each language and file format, all over one draft
	"internal/cli":    5600, // one small file for each command, all over one connection and what it asks of a person
	"internal/portal": 4000, // one small file for each page's data
	"internal/store":  5100, // all SQL of both databases, so that no other package knows of either
}

// emptyNames are names of packages that say nothing of what they hold.
var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "model", "models", "misc", "base", "shared", "lib"}

// notOurs are folders whose Go files are material, not part of the house.
var notOurs = []string{"examples", "testdata", "node_modules", "dist", "test-output"}
