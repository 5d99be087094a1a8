#!/bin/sh
# Tells Stoa what a CI run did, as CDEvents. Needs git, curl and a token with the
# scope events in STOA_TOKEN, the platform's address in STOA_SERVER.
#
#   report.sh deployed SERVICE ENVIRONMENT [PREVIOUS-COMMIT]
#   report.sh failed SERVICE ENVIRONMENT MESSAGE
#   report.sh incident-detected ID SERVICE ENVIRONMENT
#   report.sh incident-resolved ID SERVICE ENVIRONMENT
#
# The commits are those of the repository in the working directory: HEAD, or all
# after PREVIOUS-COMMIT, which is the one that was deployed before. Merges are left
# out: they are made at the last moment, of changes that are older. CI_RUN_ID says
# which run it is, SOURCE who speaks, and TEAM whose it is where the catalog does
# not know the service and the token is of several teams. A request that is tried
# again is the same event and counts once; a job that is run again deploys again.
set -eu

usage() { sed -n '5,8s/^# *//p' "$0" >&2; exit 2; }
# text writes a JSON string on one line.
text() { printf '"%s"' "$(printf '%s' "$1" | tr '\n\t' '  ' | tr -d '\000-\037' | sed 's/\\/\\\\/g; s/"/\\"/g')"; }

[ $# -ge 3 ] || usage
what=$1
shift
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
commit=$(git rev-parse HEAD)
run=${CI_RUN_ID:-$commit}
custom='{}'
case $what in
deployed)
  service=$1 environment=$2 previous=${3:-}
  type=dev.cdevents.service.deployed.0.3.0
  subject=$(printf '{"id":%s,"content":{"environment":{"id":%s},"artifactId":%s}}' \
    "$(text "$service")" "$(text "$environment")" "$(text "pkg:generic/$service@$commit")")
  last=-1
  if git rev-parse --quiet --verify HEAD^2 >/dev/null; then
    last=HEAD^..HEAD # what the merge took in
  fi
  if [ -z "$previous" ]; then
    range=$last
  elif git merge-base --is-ancestor "$previous" HEAD 2>/dev/null; then
    range=$previous..HEAD
  else # a shallow clone, or a history that was rewritten
    echo "report.sh: commit $previous is not in this clone's history: only the last commit is told (fetch the whole history)" >&2
    range=$last
  fi
  changes=$(git log --no-merges --format='{"commit":"%H","time":"%cI"}' "$range" | paste -sd, -)
  custom=$(printf '{"commit":"%s","commitTime":"%s","changes":[%s]}' "$commit" "$(git log -1 --format=%cI)" "$changes")
  id=$run/$service/$environment/deployed/$now
  ;;
failed)
  [ $# -eq 3 ] || usage
  service=$1 environment=$2
  type=dev.cdevents.pipelinerun.finished.0.3.0
  subject=$(printf '{"id":%s,"content":{"pipelineName":"deploy","outcome":"failure","errors":%s}}' "$(text "$run")" "$(text "$3")")
  id=$run/$service/$environment/failed/$now
  ;;
incident-detected | incident-resolved)
  [ $# -eq 3 ] || usage
  service=$2 environment=$3
  type=dev.cdevents.incident.${what#incident-}.0.3.0
  subject=$(printf '{"id":%s,"content":{"environment":{"id":%s},"service":{"id":%s}}}' "$(text "$1")" "$(text "$environment")" "$(text "$service")")
  id=$1/$what/$now
  ;;
*) usage ;;
esac

source=${SOURCE:-https://ci.example.org/$service}
event=$(printf '{"specversion":"1.0","id":%s,"source":%s,"type":"%s","time":"%s","subject":%s,"service":%s,"environment":%s,%s"datacontenttype":"application/json","data":{"context":{"specversion":"0.5.1","id":%s,"source":%s,"type":"%s","timestamp":"%s"},"subject":%s,"customData":%s,"customDataContentType":"application/json"}}' \
  "$(text "$id")" "$(text "$source")" "$type" "$now" "$(text "service/$service")" "$(text "$service")" "$(text "$environment")" \
  "${TEAM:+"\"team\":$(text "$TEAM"),"}" "$(text "$id")" "$(text "$source")" "$type" "$now" "$subject" "$custom")

answer=$(printf '%s' "$event" | curl --silent --show-error --fail-with-body --retry 5 --max-time 30 \
  --header "Authorization: Bearer $STOA_TOKEN" --header 'Content-Type: application/cloudevents+json' \
  --data-binary @- "$STOA_SERVER/events") || { status=$?; echo "$answer"; exit "$status"; }
echo "$answer"
case $answer in
*'"conflict"'*)
  echo 'report.sh: not taken: other words came under the same id before' >&2
  exit 1
  ;;
esac
