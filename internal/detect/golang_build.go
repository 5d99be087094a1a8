package detect

import (
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// goBuild writes how the target is built: one static binary.
func goBuild(d *draft, target string, code *goCode) {
	env := map[string]string{"CGO_ENABLED": "0"}
	if code.cgo != "" {
		env["CGO_ENABLED"] = "1"
		d.tool("gcc", "", code.cgo)
	}
	pkg := "./" + relative(target, d.Dir)
	if pkg == "./." {
		pkg = "."
	}
	d.steps(Step{Name: "compile", Command: Command{
		Argv: []string{"go", "build", "-trimpath", "-buildvcs=false", "-o", "$" + OutVariable, pkg},
		Dir:  d.workdir(),
		Env:  env,
	}})
	d.Artifact = Artifact{Kind: ArtifactBinary, Files: code.files}
	d.setStart(Command{Argv: []string{"$" + OutVariable}}, target+" (package main)", readInCode)
}

// goDrivers maps import paths to the resource that they talk to. A path stands
// for every package below it.
var goDrivers = map[string]string{
	"github.com/jackc/pgx":                        "postgres",
	"github.com/lib/pq":                           "postgres",
	"github.com/go-pg/pg":                         "postgres",
	"github.com/uptrace/bun/driver/pgdriver":      "postgres",
	"gorm.io/driver/postgres":                     "postgres",
	"github.com/go-sql-driver/mysql":              "mysql",
	"gorm.io/driver/mysql":                        "mysql",
	"github.com/redis/go-redis":                   "redis",
	"github.com/go-redis/redis":                   "redis",
	"github.com/gomodule/redigo":                  "redis",
	"github.com/redis/rueidis":                    "redis",
	"github.com/valkey-io/valkey-go":              "redis",
	"go.mongodb.org/mongo-driver":                 "mongodb",
	"github.com/rabbitmq/amqp091-go":              "rabbitmq",
	"github.com/streadway/amqp":                   "rabbitmq",
	"github.com/segmentio/kafka-go":               "kafka",
	"github.com/twmb/franz-go":                    "kafka",
	"github.com/IBM/sarama":                       "kafka",
	"github.com/Shopify/sarama":                   "kafka",
	"github.com/confluentinc/confluent-kafka-go":  "kafka",
	"github.com/nats-io/nats.go":                  "nats",
	"github.com/elastic/go-elasticsearch":         "elasticsearch",
	"github.com/opensearch-project/opensearch-go": "elasticsearch",
	"github.com/bradfitz/gomemcache":              "memcached",
	"github.com/aws/aws-sdk-go-v2/service/s3":     "s3",
	"github.com/minio/minio-go":                   "s3",
}

// goFrameworks maps import paths to the name of the framework.
var goFrameworks = []struct{ path, name string }{
	{"github.com/gin-gonic/gin", "gin"},
	{"github.com/labstack/echo", "echo"},
	{"github.com/gofiber/fiber", "fiber"},
	{"github.com/go-chi/chi", "chi"},
	{"github.com/gorilla/mux", "gorilla/mux"},
	{"github.com/danielgtaylor/huma", "huma"},
	{"github.com/beego/beego", "beego"},
	{"github.com/kataras/iris", "iris"},
	{"connectrpc.com/connect", "connect"},
	{"google.golang.org/grpc", "grpc"},
	{"net/http", "net/http"},
}

// goRegisters reports a package whose own functions register handlers.
func goRegisters(imported string) bool {
	for _, fw := range goFrameworks {
		if within(imported, fw.path) {
			return true
		}
	}
	return false
}

// goFacts writes what the code tells.
func goFacts(d *draft, f *modfile.File, code *goCode) {
	for _, fw := range goFrameworks {
		if fw.name == "grpc" && code.http || fw.name == "net/http" && code.listens == "" {
			continue
		}
		if source, ok := code.importOf(fw.path); ok {
			d.setFramework(fw.name, source, readInCode)
			break
		}
	}
	if code.subcommand != "" {
		d.Start.Argv = append(d.Start.Argv, code.subcommand)
		d.setStart(d.Start, code.subcommandSource, readInCode)
	}
	switch {
	case code.listens != "":
		d.setType(TypeBackend, code.listens, readInCode)
		d.choosePort(code.ports)
		d.chooseHealth(code.routes)
	case code.endless:
		d.setType(TypeWorker, code.main, likely)
	default:
		d.setType(TypeJob, code.main, likely)
	}
	var kinds []string
	for imported := range goDrivers {
		if _, ok := code.importOf(imported); ok {
			kinds = append(kinds, imported)
		}
	}
	slices.Sort(kinds)
	for _, imported := range kinds {
		source, _ := code.importOf(imported)
		d.wantByDriver(goDrivers[imported], requireLine(d, f, imported, source), code.variables)
	}
}

// requireLine prefers the line of go.mod that requires the module of a package.
func requireLine(d *draft, f *modfile.File, imported, source string) string {
	for _, r := range f.Require {
		if within(imported, r.Mod.Path) || within(r.Mod.Path, imported) {
			return at(path.Join(d.Dir, "go.mod"), r.Syntax.Start.Line)
		}
	}
	return source
}

// importOf returns where a package below the path is imported.
func (c *goCode) importOf(prefix string) (string, bool) {
	if source, ok := c.imports[prefix]; ok {
		return source, true
	}
	best := ""
	for p := range c.imports {
		if strings.HasPrefix(p, prefix+"/") && (best == "" || p < best) {
			best = p
		}
	}
	return c.imports[best], best != ""
}
