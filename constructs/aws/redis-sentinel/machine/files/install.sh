#!/bin/bash
# The server's software: packages of the region's Amazon Linux repository, which is reached through the network's S3 endpoint.
source /usr/local/lib/millrace-redis/library.sh

# The last three are in most images; what the scripts call must be there in all of them.
packages=(valkey jq openssl amazon-cloudwatch-agent e2fsprogs util-linux logrotate)

if [[ $SOFTWARE == amazon-linux ]]; then
  # This is done once in the life of a machine, perhaps before the network has its way to S3.
  within 7200 dnf install --assumeyes --quiet "${packages[@]}" || fail "packages cannot be installed: ${packages[*]}"
fi

for kind in server client; do
  names=(valkey-server redis-server)
  if [[ $kind == client ]]; then names=(valkey-cli redis-cli); fi
  program=$(command -v "${names[0]}" || command -v "${names[1]}") || fail "neither ${names[0]} nor ${names[1]} is installed"
  ln -sfn "$program" "$library/$kind"
done
id -u "$owner" >/dev/null 2>&1 || useradd --system --no-create-home --shell /sbin/nologin "$owner"
# systemd and the CloudWatch agent open these files as root: the server may not put a link in their place.
install -d -m 0750 -o root -g root /var/log/millrace-redis
