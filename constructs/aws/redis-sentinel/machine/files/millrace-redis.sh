#!/bin/bash
# millrace-redis: what an operator does on a machine of the set.
set -euo pipefail
library=/usr/local/lib/millrace-redis
usage='millrace-redis status | failover | backup rdb | backup aof | restore --help | renew-certificate'

master() { ask_sentinel "$HOST" SENTINEL GET-MASTER-ADDR-BY-NAME "$MASTER_NAME" | head -n 1; }
# Those that have been heard within 9 seconds; one whose machine is gone counts as online for a minute.
replicas_in_touch() { ask_redis "$1" INFO replication | tr -d '\r' | grep -cE '^slave.*,state=online,.*,lag=[0-9](,|$)'; }

status() {
  local master
  master=$(master) || master=
  printf 'master: %s\n' "$master"
  printf 'replicas in touch with the master: %s\n' "$(replicas_in_touch "$master")"
  printf 'this machine: %s, %s keys\n' "$(info replication role)" "$(ask_redis "$HOST" DBSIZE)"
  printf 'quorum: %s\n' "$(ask_sentinel "$HOST" SENTINEL CKQUORUM "$MASTER_NAME")"
  printf 'certificate until: %s\n' "$(openssl x509 -enddate -noout -in "$runtime/tls/server.pem" | cut -d= -f2)"
}

# Sentinel chooses the replica. What the old master acknowledges in the moment of the change can be lost, as with any fail-over.
failover() {
  local before refusal now
  before=$(master) || fail 'the sentinel of this machine does not answer'
  refusal=$(ERRORS_TO=/dev/fd/1 ask_sentinel "$HOST" SENTINEL FAILOVER "$MASTER_NAME") || fail "the sentinel refuses: ${refusal:-no answer}"
  changed() { now=$(master) && [[ $now != "$before" && $(ask_redis "$now" ROLE | head -n 1) == master ]]; }
  within 120 changed || fail "$before is still the master: see /var/log/millrace-redis/sentinel.log"
  printf 'master: %s, until now %s\n' "$now" "$before"
}

case ${1:-} in
  status | failover) source "$library/library.sh"; load_credentials; "$1" ;;
  backup) exec "$library/backup.sh" "${2:?$usage}" ;;
  restore) exec "$library/restore.sh" "${@:2}" ;;
  renew-certificate) exec "$library/certificate.sh" force-renew ;;
  *) echo "$usage" >&2; exit 2 ;;
esac
