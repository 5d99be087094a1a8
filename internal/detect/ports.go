package detect

import (
	"regexp"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/detect/routes"
)

// Ways in which code takes its port, the one easiest to direct first.
const (
	portByVariable = iota // environment variable that holds a port
	portByFlag            // command-line flag that holds a port or an address
	portByAddress         // environment variable that holds an address
	portFixed             // written in the code
)

// portFact is one place in the code that tells of a port.
type portFact struct {
	by      int
	name    string // of the variable; of the flag with its dashes
	port    int    // what holds if nothing is said; 0 is unknown
	address bool   // the flag takes an address rather than a port
	source  string
}

// otherPorts are words in names of ports that belong to something else than
// the component's own requests.
var otherPorts = []string{
	"DB", "DATABASE", "PG", "POSTGRES", "POSTGRESQL", "MYSQL", "REDIS", "MONGO", "MONGODB", "RABBITMQ", "AMQP", "KAFKA", "NATS",
	"SMTP", "MAIL", "EMAIL", "METRICS", "PROMETHEUS", "PROM", "DEBUG", "PPROF", "ADMIN", "PROXY", "SSH", "STATSD",
	"MEMCACHED", "ELASTIC", "ELASTICSEARCH", "HTTPS", "TLS", "SSL", "REMOTE", "UPSTREAM", "TARGET", "INSPECT", "OTEL", "JAEGER",
	"SUPPORT", "EXPORT", "IMPORT", "REPORT", "TRANSPORT", "GRPC", "TELEMETRY", "CONSUL", "VAULT", "LDAP",
}

// portName judges the name of a variable or flag: whether it speaks of the
// port, or the address, that the component itself listens on.
func portName(name string) (port, address bool) {
	words := strings.FieldsFunc(strings.ToUpper(name), func(r rune) bool { return strings.ContainsRune("_-. ", r) })
	for _, w := range words {
		if slices.Contains(otherPorts, w) {
			return false, false
		}
	}
	if slices.Contains(words, "PORT") || len(words) > 0 && slices.Contains([]string{"HTTPPORT", "SERVERPORT", "APPPORT", "WEBPORT", "LISTENPORT"}, words[len(words)-1]) {
		return true, false
	}
	switch strings.Join(words, "_") {
	case "ADDR", "ADDRESS", "LISTEN", "BIND", "LISTEN_ADDR", "LISTEN_ADDRESS", "BIND_ADDR", "BIND_ADDRESS",
		"HTTP_ADDR", "HTTP_ADDRESS", "HTTP", "HTTP_LISTEN", "HTTP_LISTEN_ADDR", "SERVER_ADDR", "SERVER_ADDRESS", "WEB_LISTEN_ADDRESS":
		return false, true
	}
	return false, false
}

// choosePort writes the best of the facts into the draft. Flags are added to
// the start command by addFlag.
func (d *draft) choosePort(facts []portFact) {
	if len(facts) == 0 {
		return
	}
	slices.SortStableFunc(facts, func(a, b portFact) int {
		if a.by != b.by {
			return a.by - b.by
		}
		return portRank(b) - portRank(a)
	})
	f := facts[0]
	d.setPort(f.port, f.source, readInCode)
	switch f.by {
	case portByVariable:
		d.setPortVariable(f.name, f.source, readInCode)
	case portByFlag:
		value := "$PORT"
		if f.address {
			value = "${HOST:-0.0.0.0}:$PORT"
		}
		d.addFlag(f.name, value)
		d.setPortVariable("PORT", f.source, readInCode)
	case portByAddress:
		if d.Start.Env == nil {
			d.Start.Env = map[string]string{}
		}
		d.Start.Env[f.name] = "${HOST:-0.0.0.0}:$PORT"
		d.setPortVariable("PORT", f.source, readInCode)
	}
}

// addFlag appends a flag to a start command that Stoa wrote itself.
func (d *draft) addFlag(name, value string) {
	if len(d.Start.Argv) == 0 {
		return
	}
	d.Start.Argv = append(slices.Clone(d.Start.Argv), name+"="+value)
	s := d.evidence["start"]
	s.Value = d.Start.String()
	d.evidence["start"] = s
}

// portRank prefers the plain name, then a known default, then any port that is
// not the customary one of metrics or profiling.
func portRank(f portFact) int {
	rank := 0
	if name := strings.TrimLeft(strings.ToUpper(f.name), "-"); name == "PORT" {
		rank += 4
	}
	if f.port != 0 {
		rank++
	}
	if f.port != 6060 && f.port != 9090 && f.port != 8081 && f.port != 443 && f.port != 8443 {
		rank += 2
	}
	return rank
}

// healthPaths are the paths by which services customarily tell that they are
// well, the most telling first.
var healthPaths = []string{
	"/healthz", "/health", "/readyz", "/livez", "/actuator/health", "/up",
	"/health/ready", "/health/live", "/healthcheck", "/health-check", "/_health", "/-/healthy", "/-/ready", "/ready", "/live",
	"/api/healthz", "/api/health", "/api/v1/health", "/v1/health", "/ping",
}

// routeFact is a path that the code answers.
type routeFact struct {
	path       string
	known      string // the customary path that it is, or ends with
	source     string
	of         string // the variable that it is registered on, in a scripting language
	registered bool   // as the path of a handler, rather than merely named
	within     bool   // of a group whose prefix is not known: what stands before is missing
}

// newRoute gives the route that a handler is registered by in a group, if it is
// of use: the root, or a path by which services tell that they are well.
func newRoute(group routes.Prefix, p, source string) (routeFact, bool) {
	f := routeFact{path: p, known: p, source: source, registered: true, within: group.Unknown}
	if group.Path != "" {
		if f.path = group.Join(p).Path; f.path == "" {
			f.path, f.within = p, true
		}
	}
	if isHealthPath(f.path) {
		f.known = f.path
	}
	return f, isHealthPath(f.known) || f.path == "/" && !f.within
}

// chooseHealth takes the most telling of the paths that the code answers: those
// that are registered first, those of which only the end is known last.
func (d *draft) chooseHealth(facts []routeFact) {
	facts = slices.Clone(facts)
	slices.SortStableFunc(facts, func(a, b routeFact) int {
		switch {
		case a.registered == b.registered:
			return 0
		case a.registered:
			return -1
		}
		return 1
	})
	for _, within := range []bool{false, true} {
		for _, known := range append(slices.Clone(healthPaths), "/") {
			for _, r := range facts {
				if r.within != within || strings.TrimSuffix(r.known, "/") != strings.TrimSuffix(known, "/") {
					continue
				}
				confidence := readInCode
				switch {
				case within:
					confidence = guess
				case known == "/":
					confidence = convention
				}
				d.setHealth(r.path, r.source, confidence)
				return
			}
		}
	}
}

// isHealthPath reports whether a text is one of the customary paths.
func isHealthPath(text string) bool {
	return len(text) > 1 && slices.Contains(healthPaths, strings.TrimSuffix(text, "/"))
}

// resourceKind is how a kind of resource shows itself in code.
type resourceKind struct {
	kind     string
	variable string         // where its address is customarily found
	names    *regexp.Regexp // variables that hold its address
}

var resourceKinds = []resourceKind{
	{"postgres", "DATABASE_URL", regexp.MustCompile(`^((POSTGRES|POSTGRESQL|PG|PSQL|DATABASE|DB)_?(URL|URI|DSN|CONN|CONNECTION_STRING|CONNECTION))$`)},
	{"mysql", "DATABASE_URL", regexp.MustCompile(`^((MYSQL|MARIADB|DATABASE|DB)_?(URL|URI|DSN|CONN|CONNECTION_STRING|CONNECTION))$`)},
	{"redis", "REDIS_URL", regexp.MustCompile(`^(REDIS|VALKEY|CACHE)_?(URL|URI|ADDR|ADDRESS|DSN|HOST)$`)},
	{"mongodb", "MONGODB_URI", regexp.MustCompile(`^(MONGO|MONGODB|MONGO_DB)_?(URL|URI|DSN|CONNECTION_STRING)$`)},
	{"rabbitmq", "AMQP_URL", regexp.MustCompile(`^(AMQP|RABBIT|RABBITMQ|CLOUDAMQP)_?(URL|URI|DSN)$`)},
	{"kafka", "KAFKA_BROKERS", regexp.MustCompile(`^KAFKA_(BROKERS?|BOOTSTRAP_SERVERS?|URL)$`)},
	{"nats", "NATS_URL", regexp.MustCompile(`^NATS_?(URL|URI|ADDR|SERVERS?)$`)},
	{"elasticsearch", "ELASTICSEARCH_URL", regexp.MustCompile(`^(ELASTIC|ELASTICSEARCH|OPENSEARCH)_?(URL|URI|HOSTS?)$`)},
	{"memcached", "MEMCACHED_SERVERS", regexp.MustCompile(`^MEMCACHED?_?(SERVERS?|URL|ADDR)$`)},
	{"s3", "S3_BUCKET", regexp.MustCompile(`^(S3|AWS_S3|AWS)_?BUCKET(_NAME)?$`)},
}

// wantByDriver adds the resource that a driver in use stands for. The variable
// is one that the code reads, else the customary one.
func (d *draft) wantByDriver(kind, source string, variables []string) {
	for _, k := range resourceKinds {
		if k.kind != kind {
			continue
		}
		r := Resource{Type: kind, Variables: []string{k.variable}, Source: source}
		for _, v := range variables {
			if k.names.MatchString(v) {
				r.Variables = []string{v}
				break
			}
		}
		d.want(r, readInCode)
	}
}
