# Which machine is the master? A machine that comes back must not be a second one, so the other sentinels are asked first, then this machine's own memory.
# Sourced; sets MASTER_HOST.

conf=$volume/sentinel/sentinel.conf

# HOST and number of the election, as one other sentinel knows them.
opinion_of() {
  ask_sentinel "$1" SENTINEL MASTER "$MASTER_NAME" | tr -d '\r' |
    awk 'NR % 2 { name = $0; next } { value[name] = $0 } END { if (value["ip"] == "") exit 1; print value["config-epoch"], value["ip"] }'
}

# The same of what this machine's sentinel wrote down when it last ran.
memory() {
  [[ -s $conf ]] || return 1
  awk -v name="$MASTER_NAME" '
    $1 == "sentinel" && $2 == "monitor" && $3 == name { host = $4 }
    $1 == "sentinel" && $2 == "config-epoch" && $3 == name { epoch = $4 }
    END { gsub(/"/, "", host); if (host == "") exit 1; print epoch + 0, host }' "$conf"
}

opinions() {
  local host
  for host in $HOSTS; do
    [[ $host == "$HOST" ]] || opinion_of "$host" || true
  done | sort -rn | head -n 1
}

find_master() {
  local rounds=2 answer=
  # A machine that has been here before has others that know it: a network that is not there yet must not make it forget them.
  [[ -s $conf ]] && rounds=15
  while ((rounds-- > 0)); do
    answer=$(opinions)
    [[ -n $answer ]] && break
    sleep 1
  done
  [[ -n $answer ]] || answer=$(memory) || answer="0 ${HOSTS%% *}"
  MASTER_HOST=${answer#* }
}
find_master
