// Package naming knows what the people, teams and services of a simulated
// organisation are called.
package naming

import "strconv"

// Segments are the kinds of teams, each with the names that its teams and
// services have.
var Segments = []Segment{
	{"web", 30, []string{"checkout", "storefront", "search", "accounts", "catalogue", "reviews", "wishlist", "promotions", "content", "navigation", "subscriptions", "returns"},
		[]string{"api", "web", "worker", "gateway", "admin"}, []string{"backend", "frontend", "worker", "backend", "frontend"}, "typescript"},
	{"mobile", 20, []string{"app-home", "app-login", "notifications", "scanner", "offline", "maps", "wallet", "messaging", "couriers", "loyalty", "camera", "widgets"},
		[]string{"gateway", "sync", "push", "config", "media"}, []string{"backend", "worker", "worker", "backend", "backend"}, "kotlin"},
	{"data", 20, []string{"warehouse", "events-hub", "forecasting", "recommendations", "experiments", "reporting", "features", "lineage", "ingestion", "fraud-models", "pricing-models", "metrics-hub"},
		[]string{"pipeline", "jobs", "models", "api", "exports"}, []string{"data", "job", "data", "backend", "job"}, "python"},
	{"core", 30, []string{"payments", "identity", "ledger", "orders", "inventory", "shipping", "billing", "tax", "invoicing", "customers", "permissions", "addresses"},
		[]string{"api", "worker", "scheduler", "store", "gateway"}, []string{"backend", "worker", "job", "backend", "backend"}, "go"},
}

// Segment is a part of the organisation.
type Segment struct {
	Name     string
	Weight   int // its share of the teams, of the sum of all weights
	teams    []string
	services []string
	types    []string // of the services
	Language string
}

var givenNames = []string{
	"ada", "aiko", "amara", "amir", "ana", "andre", "anna", "arjun", "astrid", "bao", "beatriz", "bela", "carlos", "chen", "clara", "dara",
	"david", "deniz", "diego", "elena", "emeka", "emma", "erik", "fatima", "felix", "fiona", "gita", "hana", "hugo", "ines", "ivan", "jana",
	"jonas", "julia", "kai", "karim", "kenji", "lea", "leila", "liam", "lin", "lucia", "malik", "marta", "mei", "mika", "mina", "nadia",
	"nils", "noor", "olga", "omar", "paula", "pedro", "priya", "rahul", "rosa", "ruth", "sami", "sara", "sven", "tara", "theo", "yara",
}

var familyNames = []string{
	"abe", "adler", "almeida", "baker", "bauer", "becker", "blanc", "brandt", "braun", "castro", "chand", "cole", "costa", "cruz", "dahl", "das",
	"diaz", "ellis", "evans", "falk", "fischer", "flores", "frank", "garcia", "gomes", "gupta", "hahn", "hansen", "hart", "hassan", "hayes", "heinz",
	"ito", "iyer", "jensen", "joshi", "kaur", "keller", "khan", "klein", "kraft", "kumar", "lang", "lima", "lopez", "meyer", "mori", "murphy",
	"nair", "novak", "okafor", "ortiz", "patel", "pereira", "rao", "reed", "roth", "santos", "sato", "shah", "silva", "vogel", "weiss", "young",
}

// Person gives the n-th name; no two are the same.
func Person(n int) string {
	g, f := len(givenNames), len(familyNames)
	// Steps that share no factor with the lengths, so that neighbours differ.
	name := givenNames[n*7%g] + "-" + familyNames[(n/g*13+n*29)%f]
	if round := n / (g * f); round > 0 {
		name += "-" + strconv.Itoa(round+1)
	}
	return name
}

// Team gives the n-th name of a team; no two are the same.
func (s Segment) Team(n int) string {
	name := s.teams[n%len(s.teams)]
	if round := n / len(s.teams); round > 0 {
		name += "-" + strconv.Itoa(round+1)
	}
	return name
}

// Service gives the n-th service of a team, and its type.
func (s Segment) Service(team string, n int) (name, kind string) {
	i := n % len(s.services)
	name = team + "-" + s.services[i]
	if round := n / len(s.services); round > 0 {
		name += "-" + strconv.Itoa(round+1)
	}
	return name, s.types[i]
}
