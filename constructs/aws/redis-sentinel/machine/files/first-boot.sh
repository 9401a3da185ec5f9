#!/bin/bash
# Once, when the machine is new. What must happen at every start is a unit of systemd.
source /usr/local/lib/millrace-redis/library.sh

"$library/install.sh"
# What follows makes a machine better, and is no reason to be none.
sysctl --quiet --load /etc/sysctl.d/60-millrace-redis.conf || say 'kernel settings are not as they should be'
systemd-tmpfiles --create /etc/tmpfiles.d/millrace-redis.conf || say 'huge pages are as they were'
systemctl daemon-reload
agent=/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl
if [[ -x $agent ]]; then "$agent" -a fetch-config -m ec2 -s -c "file:$templates/agent.json" >/dev/null || say 'the CloudWatch agent does not start: logs stay here'; else say 'no CloudWatch agent: logs stay here'; fi
read -ra units <<<"$UNITS"
systemctl enable --quiet --now "${units[@]}"
