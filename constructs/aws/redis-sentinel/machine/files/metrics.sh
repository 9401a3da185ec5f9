#!/bin/bash
# Once a minute: figures of this machine as one line that CloudWatch makes metrics of (embedded metric format).
source /usr/local/lib/millrace-redis/library.sh
load_credentials

now=$(date +%s)
disk=$(df --output=pcent "$volume" | tail -n 1 | tr -dc 0-9)
memory=$(awk '/^MemTotal:/ { total = $2 } /^MemAvailable:/ { free = $2 } END { printf "%.1f", 100 * (total - free) / total }' /proc/meminfo)
# A server that does not answer has no memory in use, and says so by being no member.
used=$(info memory used_memory) || used=
allowed=$(info memory maxmemory) || allowed=
role=$(info replication role) || role=
replicas=$(info replication connected_slaves) || replicas=
persistence=$(ask_redis "$HOST" INFO persistence) || persistence=
unwritten=$(grep -Ec '^(rdb_last_bgsave|aof_last_bgrewrite|aof_last_write)_status:err' <<<"$persistence") || true

# Whoever took a backup, the bucket has it, so every machine reports the set's: one figure is as good as the other two. What cannot be asked grows older.
if [[ -z $(find "$backups_seen" -mmin -10 2>/dev/null) ]] && list=$(complete_backups); then printf '%s\n' "$list" >"$backups_seen"; fi
age_of() {
  local time since
  time=$(awk -v address="$1" '$2 ~ address { newest = $1 } END { print newest }' "$backups_seen" 2>/dev/null) || time=
  # Before the first one: since there has been something to lose.
  if [[ -z $time ]]; then since=$(stat -c %Y "$volume/lost+found")
  else since=$(date -d "${time:0:4}-${time:4:2}-${time:6:5}:${time:11:2}:${time:13:3}" +%s); fi
  echo $((now - since))
}
days_left() {
  local name end least=
  for name in server ca; do
    end=$(date -d "$(openssl x509 -enddate -noout -in "$runtime/tls/$name.pem" | cut -d= -f2)" +%s)
    [[ -n $least && $least -lt $end ]] || least=$end
  done
  echo $(((least - now) / 86400))
}
jq -cn --arg environment "$ENVIRONMENT" --arg service "$SERVICE" --arg node "$NAME" --arg role "$role" --arg used "$used" --arg allowed "$allowed" --arg replicas "$replicas" \
  --argjson disk "$disk" --argjson memory "$memory" --argjson now "${now}000" --argjson unwritten "${unwritten:-0}" \
  --argjson backup "$(age_of .)" --argjson snapshot "$(age_of '/rdb/[^/]*$')" --argjson days "$(days_left)" '
  {DiskUsedPercent: $disk, MemoryUsedPercent: $memory, RedisUp: (if $role == "" then 0 else 1 end), RedisIsMaster: (if $role == "master" then 1 else 0 end),
    BackupAgeSeconds: $backup, SnapshotAgeSeconds: $snapshot, CertificateDaysLeft: $days}
  + (if $role == "" then {} else {RedisPersistenceFailed: (if $unwritten > 0 then 1 else 0 end)} end)
  + (if $used == "" or ($allowed | tonumber? // 0) == 0 then {} else {RedisMemoryUsedPercent: (100 * ($used | tonumber) / ($allowed | tonumber))} end)
  + (if $role == "master" then {ConnectedReplicas: ($replicas | tonumber)} else {} end)
  | . as $figures
  | {Environment: $environment, Service: $service, Node: $node}
  + $figures
  + {_aws: {Timestamp: $now, CloudWatchMetrics: [{Namespace: "Millrace/RedisSentinel", Dimensions: [["Environment", "Service", "Node"]],
      Metrics: ($figures | keys | map({Name: .}))}]}}'
