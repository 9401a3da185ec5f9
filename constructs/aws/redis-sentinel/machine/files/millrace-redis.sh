#!/bin/bash
# millrace-redis: what an operator does on a machine of the set.
set -euo pipefail
library=/usr/local/lib/millrace-redis
usage='millrace-redis status | backup rdb | backup aof | restore --help | renew-certificate'

status() {
  source "$library/library.sh"
  load_credentials
  printf 'master: %s\n' "$(ask_sentinel "$HOST" SENTINEL GET-MASTER-ADDR-BY-NAME "$MASTER_NAME" | head -n 1)"
  printf 'this machine: %s, %s keys\n' "$(info replication role)" "$(ask_redis "$HOST" DBSIZE)"
  printf 'quorum: %s\n' "$(ask_sentinel "$HOST" SENTINEL CKQUORUM "$MASTER_NAME")"
  printf 'certificate until: %s\n' "$(openssl x509 -enddate -noout -in "$runtime/tls/server.pem" | cut -d= -f2)"
}

case ${1:-} in
  status) status ;;
  backup) exec "$library/backup.sh" "${2:?$usage}" ;;
  restore) exec "$library/restore.sh" "${@:2}" ;;
  renew-certificate) exec "$library/certificate.sh" force-renew ;;
  *) echo "$usage" >&2; exit 2 ;;
esac
