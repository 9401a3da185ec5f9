#!/bin/bash
# Stand-in for systemctl: reads the same unit files and does what they say about order, users, restarts and logs. No sandbox, and timers only count as started.
set -uo pipefail
units=/etc/systemd/system
state=/run/stand-in-systemd
mkdir -p "$state"

get() { sed -n "s/^$2=//p" "$units/$1"; }

log_of() { local log; log=$(get "$1" StandardOutput); echo "${log#append:}"; }

start() {
  local unit=$1 needed
  [[ -e $state/$unit.active ]] && return 0
  if [[ $unit == *.timer ]]; then touch "$state/$unit.active"; return 0; fi
  for needed in $(get "$unit" Requires) $(get "$unit" After | tr ' ' '\n' | grep '^millrace-'); do start "$needed" || return 1; done
  if [[ $(get "$unit" Type) == oneshot ]]; then
    local command
    read -ra command <<<"$(get "$unit" ExecStart)"
    "${command[@]}" >>"$(log_of "$unit")" 2>&1 </dev/null || return 1
    [[ $(get "$unit" RemainAfterExit) == yes ]] && touch "$state/$unit.active"
    return 0
  fi
  rm -f "$state/$unit.failed"
  touch "$state/$unit.active"
  setsid "$0" supervise "$unit" </dev/null >/dev/null 2>&1 &
  until [[ -s $state/$unit.main || -e $state/$unit.failed ]]; do sleep 0.05; done
  [[ -s $state/$unit.main ]]
}

supervise() {
  local unit=$1 before command user
  before=$(get "$unit" ExecStartPre)
  user=$(get "$unit" User)
  read -ra command <<<"$(get "$unit" ExecStart)"
  echo $$ >"$state/$unit.supervisor"
  ulimit -n "$(get "$unit" LimitNOFILE)"
  exec >>"$(log_of "$unit")" 2>&1
  while [[ -e $state/$unit.active ]]; do
    if "${before#+}"; then
      setpriv --reuid "$user" --regid "$(get "$unit" Group)" --clear-groups --no-new-privs -- "${command[@]}" &
      echo $! >"$state/$unit.main"
      wait $!
      rm -f "$state/$unit.main"
    else
      touch "$state/$unit.failed"
    fi
    [[ -e $state/$unit.active ]] && sleep "$(get "$unit" RestartSec)"
  done
}

stop() {
  local unit=$1 main
  [[ -e $state/$unit.active ]] || return 0
  rm -f "$state/$unit.active"
  main=$(cat "$state/$unit.main" 2>/dev/null) || return 0
  kill -TERM "$main" 2>/dev/null
  while kill -0 "$main" 2>/dev/null; do sleep 0.02; done
  while [[ -e $state/$unit.main ]]; do sleep 0.02; done
}

verb=$1; shift
given=() now=no
for argument in "$@"; do
  case $argument in
    --now) now=yes ;;
    --*) ;;
    *) given+=("$argument") ;;
  esac
done
case $verb in
  supervise) supervise "${given[0]}" ;;
  enable) [[ $now == no ]] || for unit in "${given[@]}"; do start "$unit" || exit 1; done ;;
  start) for unit in "${given[@]}"; do start "$unit" || exit 1; done ;;
  stop) for unit in "${given[@]}"; do stop "$unit"; done ;;
  restart) for unit in "${given[@]}"; do stop "$unit"; start "$unit" || exit 1; done ;;
  daemon-reload) ;;
  *) echo "the stand-in for systemctl knows no $verb" >&2; exit 1 ;;
esac
