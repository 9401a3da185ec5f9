#!/bin/bash
# The server's software: packages of the region's Amazon Linux repository, which is reached through the network's S3 endpoint.
source /usr/local/lib/millrace-redis/library.sh

packages=(valkey jq openssl amazon-cloudwatch-agent)

if [[ $SOFTWARE == amazon-linux ]]; then
  within 600 dnf install --assumeyes --quiet "${packages[@]}" || fail "packages cannot be installed: ${packages[*]}"
fi

for kind in server client; do
  names=(valkey-server redis-server)
  if [[ $kind == client ]]; then names=(valkey-cli redis-cli); fi
  program=$(command -v "${names[0]}" || command -v "${names[1]}") || fail "neither ${names[0]} nor ${names[1]} is installed"
  ln -sfn "$program" "$library/$kind"
done
id -u "$owner" >/dev/null 2>&1 || useradd --system --no-create-home --shell /sbin/nologin "$owner"
install -d -m 0750 -o "$owner" -g "$owner" /var/log/millrace-redis
