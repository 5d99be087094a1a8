package simulate

// Model are the parameters of an organisation: what the generator draws from
// and so what is true of it. Shares and probabilities lie between 0 and 1;
// "median" and "sigma" are those of a log-normal distribution. docs/simulate.md
// lists them with their defaults.
type Model struct {
	// How teams come to the platform.
	BassP                 float64 `json:"bassP"`                 // innovation, a month, over a year; less time is as much quicker
	BassQ                 float64 `json:"bassQ"`                 // imitation, likewise
	NeverShare            float64 `json:"neverShare"`            // teams that never ask, whatever others do
	OwnCIShare            float64 `json:"ownCIShare"`            // teams that tell of deployments by their own CI
	AccessWaitHours       float64 `json:"accessWaitHours"`       // median, asked to granted
	AccessWaitSigma       float64 `json:"accessWaitSigma"`       // its sigma
	FirstDeploymentHours  float64 `json:"firstDeploymentHours"`  // median, granted to first deployment, before it is moved into working hours
	FirstDeploymentSigma  float64 `json:"firstDeploymentSigma"`  // its sigma
	FirstLogQueryHours    float64 `json:"firstLogQueryHours"`    // median, from the first deployment, likewise
	FirstLogQuerySigma    float64 `json:"firstLogQuerySigma"`    // its sigma
	FirstAlertHours       float64 `json:"firstAlertHours"`       // median, from the first log query
	FirstAlertSigma       float64 `json:"firstAlertSigma"`       // its sigma
	StuckAtAccess         float64 `json:"stuckAtAccess"`         // of the teams that asked
	StuckAtDeployment     float64 `json:"stuckAtDeployment"`     // of the teams that were granted
	StuckAtLogQuery       float64 `json:"stuckAtLogQuery"`       // of the teams that deployed
	StuckAtAlert          float64 `json:"stuckAtAlert"`          // of the teams that looked at logs
	GiveUpDays            float64 `json:"giveUpDays"`            // median, until a team that never deployed looks no more
	GiveUpSigma           float64 `json:"giveUpSigma"`           // its sigma
	ChurnPerMonth         float64 `json:"churnPerMonth"`         // of the teams that deployed
	RenamedShare          float64 `json:"renamedShare"`          // teams that change their name, at least one of three or more
	SecondTeamShare       float64 `json:"secondTeamShare"`       // people who are in two teams
	HiringPerYear         float64 `json:"hiringPerYear"`         // people who come later than the start
	LeavingPerYear        float64 `json:"leavingPerYear"`        // people who go
	DaysOff               float64 `json:"daysOff"`               // working days of holiday a person takes a year
	ActiveDeveloper       float64 `json:"activeDeveloper"`       // probability that a person with access uses the platform on a working day
	ActiveData            float64 `json:"activeData"`            // likewise of a data engineer
	ActiveQA              float64 `json:"activeQA"`              // of a tester
	ActiveOperations      float64 `json:"activeOperations"`      // of an operator
	UsesPerActiveDay      float64 `json:"usesPerActiveDay"`      // mean, of the minutes with use; times the activity
	ServicesPerTeam       float64 `json:"servicesPerTeam"`       // mean, to begin with
	NewServicesPerMonth   float64 `json:"newServicesPerMonth"`   // mean, of a team
	ReleasesPerDay        float64 `json:"releasesPerDay"`        // median over services off the path, of planned releases a working day
	ReleasesSigma         float64 `json:"releasesSigma"`         // over services
	ReleasesOnPath        float64 `json:"releasesOnPath"`        // times as many on the path
	LeadHoursOn           float64 `json:"leadHoursOn"`           // median, commit to production, on the path
	LeadHoursOff          float64 `json:"leadHoursOff"`          // median, off the path
	LeadSigma             float64 `json:"leadSigma"`             // the sigma of both
	ChangesPerRelease     float64 `json:"changesPerRelease"`     // mean, at least 1
	NoCommitShare         float64 `json:"noCommitShare"`         // releases of which nobody knows the commit
	SkewedShare           float64 `json:"skewedShare"`           // releases whose commit is dated after the deployment
	FailureOn             float64 `json:"failureOn"`             // probability that a planned release fails in production, on the path
	FailureOff            float64 `json:"failureOff"`            // off the path
	FailureByRollback     float64 `json:"failureByRollback"`     // of the failures: shown by a rollback
	FailureByHotfix       float64 `json:"failureByHotfix"`       // by a hotfix
	FailureByIncident     float64 `json:"failureByIncident"`     // by an incident within 24 h
	FailureByLink         float64 `json:"failureByLink"`         // by an incident up to 3 days later that names the release
	RecoveryMinutesOn     float64 `json:"recoveryMinutesOn"`     // median, on the path
	RecoveryMinutesOff    float64 `json:"recoveryMinutesOff"`    // median, off the path
	RecoverySigma         float64 `json:"recoverySigma"`         // the sigma of both
	NeverMendedShare      float64 `json:"neverMendedShare"`      // of the incidents
	FailedPipelinesOn     float64 `json:"failedPipelinesOn"`     // probability of a failed attempt before a release
	FailedPipelinesOff    float64 `json:"failedPipelinesOff"`    // off the path
	BackgroundIncidents   float64 `json:"backgroundIncidents"`   // probability of an incident without a cause a day of a service, when it was not deployed for 24 h
	QuestionsFirst        float64 `json:"questionsFirst"`        // mean, asked at the first release of a service on the path
	QuestionsLater        float64 `json:"questionsLater"`        // mean, at every other one
	Refusals              float64 `json:"refusals"`              // probability that a gate refuses before a release
	AlertsPerTeamDay      float64 `json:"alertsPerTeamDay"`      // mean, of teams that have alerts
	TicketsPer100         float64 `json:"ticketsPer100"`         // a month of 100 active people, at the start; above the floor
	TicketsPer100Floor    float64 `json:"ticketsPer100Floor"`    // what remains in the end
	TicketsDecayMonths    float64 `json:"ticketsDecayMonths"`    // after which a third remains of what is above the floor
	FeatureRequestsPer100 float64 `json:"featureRequestsPer100"` // a month of 100 active people
	LateShare             float64 `json:"lateShare"`             // events that arrive late
	LateHours             float64 `json:"lateHours"`             // mean; at most three days
	MonthLateShare        float64 `json:"monthLateShare"`        // events that arrive 30 days late
	DuplicateShare        float64 `json:"duplicateShare"`        // events that arrive twice
}

// DefaultModel is a believable company in the year in which it takes to a
// platform.
func DefaultModel() Model {
	return Model{
		BassP: 0.03, BassQ: 0.30, NeverShare: 0.10, OwnCIShare: 0.30,
		AccessWaitHours: 6, AccessWaitSigma: 1, FirstDeploymentHours: 20, FirstDeploymentSigma: 1,
		FirstLogQueryHours: 24, FirstLogQuerySigma: 1, FirstAlertHours: 40, FirstAlertSigma: 1,
		StuckAtAccess: 0.04, StuckAtDeployment: 0.08, StuckAtLogQuery: 0.08, StuckAtAlert: 0.12,
		GiveUpDays: 21, GiveUpSigma: 0.5, ChurnPerMonth: 0.012, RenamedShare: 0.02,
		SecondTeamShare: 0.03, HiringPerYear: 0.15, LeavingPerYear: 0.08, DaysOff: 25,
		ActiveDeveloper: 0.62, ActiveData: 0.5, ActiveQA: 0.42, ActiveOperations: 0.7, UsesPerActiveDay: 10,
		ServicesPerTeam: 2.8, NewServicesPerMonth: 0.06,
		ReleasesPerDay: 0.3, ReleasesSigma: 0.6, ReleasesOnPath: 1.6,
		LeadHoursOn: 4, LeadHoursOff: 20, LeadSigma: 0.9, ChangesPerRelease: 1.8, NoCommitShare: 0.03, SkewedShare: 0.005,
		FailureOn: 0.05, FailureOff: 0.12, FailureByRollback: 0.35, FailureByHotfix: 0.25, FailureByIncident: 0.30, FailureByLink: 0.10,
		RecoveryMinutesOn: 45, RecoveryMinutesOff: 110, RecoverySigma: 0.8, NeverMendedShare: 0.01,
		FailedPipelinesOn: 0.07, FailedPipelinesOff: 0.12, BackgroundIncidents: 0.004,
		QuestionsFirst: 0.8, QuestionsLater: 0.12, Refusals: 0.03, AlertsPerTeamDay: 0.08,
		TicketsPer100: 45, TicketsPer100Floor: 5, TicketsDecayMonths: 3, FeatureRequestsPer100: 6,
		LateShare: 0.02, LateHours: 6, MonthLateShare: 0.0002, DuplicateShare: 0.004,
	}
}
