#!/bin/bash
# Once, when the machine is new. What must happen at every start is a unit of systemd.
source /usr/local/lib/millrace-redis/library.sh

"$library/install.sh"
sysctl --quiet --system
systemd-tmpfiles --create /etc/tmpfiles.d/millrace-redis.conf
systemctl daemon-reload
agent=/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl
if [[ -x $agent ]]; then "$agent" -a fetch-config -m ec2 -s -c "file:$templates/agent.json" >/dev/null; else say 'no CloudWatch agent: logs stay here'; fi
read -ra units <<<"$UNITS"
systemctl enable --quiet --now "${units[@]}"
