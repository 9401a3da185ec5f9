#!/bin/bash
# Once a minute: figures of this machine as one line that CloudWatch makes metrics of (embedded metric format).
source /usr/local/lib/millrace-redis/library.sh
load_credentials

disk=$(df --output=pcent "$volume" | tail -n 1 | tr -dc 0-9)
memory=$(awk '/^MemTotal:/ { total = $2 } /^MemAvailable:/ { free = $2 } END { printf "%.1f", 100 * (total - free) / total }' /proc/meminfo)
# A server that does not answer has no memory in use, and says so by being no member.
used=$(info memory used_memory) || used=
allowed=$(info memory maxmemory) || allowed=
role=$(info replication role) || role=
replicas=$(info replication connected_slaves) || replicas=
jq -cn --arg environment "$ENVIRONMENT" --arg service "$SERVICE" --arg node "$NAME" --arg role "$role" --arg used "$used" --arg allowed "$allowed" --arg replicas "$replicas" \
  --argjson disk "$disk" --argjson memory "$memory" --argjson now "$(date +%s)000" '
  {DiskUsedPercent: $disk, MemoryUsedPercent: $memory, RedisUp: (if $role == "" then 0 else 1 end), RedisIsMaster: (if $role == "master" then 1 else 0 end)}
  + (if $used == "" or ($allowed | tonumber? // 0) == 0 then {} else {RedisMemoryUsedPercent: (100 * ($used | tonumber) / ($allowed | tonumber))} end)
  + (if $role == "master" then {ConnectedReplicas: ($replicas | tonumber)} else {} end)
  | . as $figures
  | {Environment: $environment, Service: $service, Node: $node}
  + $figures
  + {_aws: {Timestamp: $now, CloudWatchMetrics: [{Namespace: "Millrace/RedisSentinel", Dimensions: [["Environment", "Service", "Node"]],
      Metrics: ($figures | keys | map({Name: .}))}]}}'
