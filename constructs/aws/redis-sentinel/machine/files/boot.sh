#!/bin/bash
# At every start of the machine, before Redis and Sentinel: the volume, the secrets, a certificate.
source /usr/local/lib/millrace-redis/library.sh

# What it needs may come long after the machine: network, role, secrets, volume. systemd would not start what waits for this a second time.
if [[ ${1:-} != once ]]; then
  until "$0" once; do say 'the machine is not ready; tries again'; sleep 5; done
  exit
fi

"$library/volume.sh"
install -d -m 0700 -o "$owner" -g "$owner" "$runtime" "$runtime/tls"
install -d -m 0700 "$sealed"

pair() {
  local json
  json=$(await_secret "$2")
  jq -r --arg name "$1" '"\($name)_USER=\(.username|@sh)\n\($name)_PASSWORD=\(.password|@sh)"' <<<"$json"
}
{ pair APP "$SECRET_USERS"; pair REPLICATION "$SECRET_REPLICATION"; pair APPLY "$SECRET_APPLY"; pair SENTINEL "$SECRET_SENTINEL"; } >"$sealed/credentials"

"$library/authority.sh"
"$library/certificate.sh" issue
