#!/bin/sh
# Tells a Stoa platform what a CI job did, as CDEvents 0.5 over CloudEvents. It
# needs git, curl and date, and runs in a checkout of what was deployed.
#
#   post-deployment.sh deployed              the checked-out commit serves now
#   post-deployment.sh rolledback            an earlier one serves again
#   post-deployment.sh finished OUTCOME      the pipeline ended: success, failure, error, cancel
#   post-deployment.sh detected INCIDENT     something broke
#   post-deployment.sh resolved INCIDENT     it is mended
#
# STOA_SERVER, STOA_TOKEN (scope events) and STOA_SERVICE must be set. May be set:
#   STOA_ENVIRONMENT  where to; production if not. Set and empty: nowhere, as for the tests of a change
#   STOA_PREVIOUS     the commit that served before: then all commits since are told
#   STOA_FIXES        the incident or release that this deployment mends
#   STOA_RELEASE      what to call what was deployed; git describe if not
#   STOA_RUN          names this run: told again under its name, the same thing counts once
#   STOA_SOURCE       the CloudEvents source, which then belongs to the token
#   STOA_TIME         when it happened, as 2026-11-01T09:00:00Z; now if not
set -eu

fail() {
	echo "post-deployment.sh: $1" >&2
	exit 2
}

: "${STOA_SERVER:?is the address of the platform}" "${STOA_TOKEN:?is a token with scope events}" "${STOA_SERVICE:?is the name of the service}"
what=${1:-}
environment=${STOA_ENVIRONMENT-production}
now=${STOA_TIME:-$(date -u +%Y-%m-%dT%H:%M:%SZ)}
source=${STOA_SOURCE:-/ci/$STOA_SERVICE}
run=${STOA_RUN:-${GITHUB_RUN_ID:+$GITHUB_RUN_ID-${GITHUB_RUN_ATTEMPT:-1}}}
run=${run:-${CI_JOB_ID:-${BUILD_TAG:-$(date -u +%s)-$$}}}
commit=$(git rev-parse --verify HEAD) || fail "this is no checkout of a commit"
committed=$(git log -1 --format=%cI)
release=${STOA_RELEASE:-$(git describe --tags --always)}

# quoted writes a text as a JSON string.
quoted() {
	printf '"%s"' "$(printf %s "$1" | tr -d '\000-\037' | sed 's/\\/\\\\/g; s/"/\\"/g')"
}

# changes lists the commits since the one that served before, with their times.
# Without one nothing is said: the platform takes the deployed commit alone.
changes() {
	[ -n "${STOA_PREVIOUS:-}" ] || return 0
	printf '"changes":['
	git log -n 1000 --format='{"commit":"%H","time":"%cI"}' "$STOA_PREVIOUS..HEAD" | tr '\n' ',' | sed 's/,$//'
	printf '],'
}

place='{"id":'$(quoted "${environment:-(none)}")'}'
case $what in
deployed | rolledback)
	[ -n "$environment" ] || fail "a deployment has an environment"
	kind=service.$what.0.3.0 id=$run/$what/$environment subject=$STOA_SERVICE
	[ "$what" = rolledback ] || [ -z "${STOA_PREVIOUS:-}" ] || kind=service.upgraded.0.3.0
	content='"environment":'$place',"artifactId":'$(quoted "pkg:generic/$STOA_SERVICE@$commit")
	custom=$(changes)'"release":'$(quoted "$release")
	[ -z "${STOA_FIXES:-}" ] || custom="$custom"',"fixes":'$(quoted "$STOA_FIXES")
	;;
finished)
	case ${2:-} in success | failure | error | cancel) ;; *) fail "finished takes success, failure, error or cancel" ;; esac
	kind=pipelinerun.finished.0.3.0 id=$run/finished/$environment subject=$run
	content='"pipelineName":"deployment","outcome":'$(quoted "$2")
	custom='"service":'$(quoted "$STOA_SERVICE")
	[ -z "$environment" ] || custom="$custom"',"environment":'$(quoted "$environment")
	;;
detected | resolved)
	[ -n "${2:-}" ] || fail "$what takes the name of the incident"
	kind=incident.$what.0.3.0 id=incident/$2/$what subject=$2
	[ "$what" = detected ] || id=$id/$now # it may be opened again
	content='"service":{"id":'$(quoted "$STOA_SERVICE")'},"environment":'$place
	custom='"release":'$(quoted "$release")
	;;
*) fail "says deployed, rolledback, finished OUTCOME, detected INCIDENT or resolved INCIDENT" ;;
esac

type=dev.cdevents.$kind
body='{"context":{"specversion":"0.5.1","id":'$(quoted "$id")',"source":'$(quoted "$source")',"type":"'$type'","timestamp":"'$now'"},
"subject":{"id":'$(quoted "$subject")',"source":'$(quoted "$source")',"content":{'$content'}},
"customData":{'$custom',"commit":"'$commit'","commitTime":"'$committed'"},"customDataContentType":"application/json"}'
event='{"specversion":"1.0","id":'$(quoted "$id")',"source":'$(quoted "$source")',"type":"'$type'","time":"'$now'",
"datacontenttype":"application/json","data":'$body'}'

# Token and event go to curl by its standard input, where no list of processes
# shows them. It tries again while the platform is away; told twice, the same
# event counts once.
answer=$(
	{
		printf 'header = "Authorization: Bearer %s"\n' "$STOA_TOKEN"
		printf 'data-binary = "%s"\n' "$(printf %s "$event" | tr -d '\n' | sed 's/\\/\\\\/g; s/"/\\"/g')"
	} | curl -sS --retry 3 --max-time 30 -K - -H 'Content-Type: application/cloudevents+json' -w '\n%{http_code}' "${STOA_SERVER%/}/events"
) || fail "the platform cannot be reached"
printf '%s\n' "${answer%
*}"
case $answer in *"
202") ;; *) exit 1 ;; esac
