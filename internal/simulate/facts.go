package simulate

import "strconv"

// Where simulated events come from. None of it is Stoa's, and none of it exists.
const (
	sourcePlatform  = "https://simulator.stoa.dev/platform"
	sourceIncidents = "https://simulator.stoa.dev/incidents"
	sourceSupport   = "https://simulator.stoa.dev/support"
	sourceGit       = "https://simulator.stoa.dev/git"
	sourceCI        = "https://ci.example.org/" // and the team
	sourceStaff     = "https://people.example.com/organisation"
	sourceKafka     = "https://kafka.example.com/usage"
	sourceTests     = "https://tests.example.com/runs"
)

// The types of events, those of CDEvents as its release 0.5 has them.
const (
	typeUsage            = "dev.stoa.usage.recorded"
	typeAccessAsked      = "dev.stoa.access.asked"
	typeAccessGranted    = "dev.stoa.access.granted"
	typeAccessRevoked    = "dev.stoa.access.revoked"
	typeAlert            = "dev.stoa.alert.received"
	typeQuestion         = "dev.stoa.input.asked"
	typeRefused          = "dev.stoa.gate.refused"
	typeTeam             = "com.example.team.formed"
	typeKafka            = "com.example.kafka.topic.used"
	typeTestRun          = "com.example.test.run.started"
	typeDeployed         = "dev.cdevents.service.deployed.0.3.0"
	typeUpgraded         = "dev.cdevents.service.upgraded.0.3.0"
	typeRolledBack       = "dev.cdevents.service.rolledback.0.3.0"
	typePipelineFinished = "dev.cdevents.pipelinerun.finished.0.3.0"
	typeChangeMerged     = "dev.cdevents.change.merged.0.3.0"
	typeDetected         = "dev.cdevents.incident.detected.0.3.0"
	typeReported         = "dev.cdevents.incident.reported.0.3.0"
	typeResolved         = "dev.cdevents.incident.resolved.0.3.0"
	typeTicketCreated    = "dev.cdevents.ticket.created.0.2.0"
	typeTicketClosed     = "dev.cdevents.ticket.closed.0.2.0"
)

// Machines that act; each is told as a bot.
const (
	botGit     = "token/git"
	botAlerts  = "token/alertmanager"
	botTickets = "token/helpdesk"
	botStaff   = "token/people"
)

// The capabilities that are not Stoa's: each tells of its use by itself. Kafka is
// offered to some segments only.
const (
	kafka    = "kafka"
	testRuns = "test-runs"
)

var kafkaSegments = []string{"data", "core"}

// cdEventsVersion is the version of the CDEvents specification of the payloads.
const cdEventsVersion = "0.5.1"

const (
	production = "production"
	dev        = "dev"
)

// object writes JSON objects of names and values that need no escaping.
type object []byte

func (o object) key(name string) object {
	if len(o) > 0 && o[len(o)-1] != '{' && o[len(o)-1] != '[' {
		o = append(o, ',')
	}
	return append(append(append(o, '"'), name...), `":`...)
}

func (o object) text(name, value string) object {
	return append(append(append(o.key(name), '"'), value...), '"')
}

// known adds a text unless it is empty.
func (o object) known(name, value string) object {
	if value == "" {
		return o
	}
	return o.text(name, value)
}

func (o object) open(name string) object    { return append(o.key(name), '{') }
func (o object) close() object              { return append(o, '}') }
func (o object) ref(name, id string) object { return o.open(name).text("id", id).close() }

// cdEvent begins the payload of a CDEvent up to the content of its subject,
// which is still open.
func cdEvent(id string, f *fact, subject string) object {
	return append(make(object, 0, 640), '{').
		open("context").text("specversion", cdEventsVersion).text("id", id).text("source", f.source).text("type", f.kind).text("timestamp", f.at.stamp()).close().
		open("subject").text("id", subject).text("source", f.source).open("content")
}

// numbered gives names such as INC-17.
func numbered(prefix string, n int) string { return prefix + strconv.Itoa(n) }
