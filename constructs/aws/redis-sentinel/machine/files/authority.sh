#!/bin/bash
# The authority that signs the set's certificates. The first machine makes it once; the others wait for it.
source /usr/local/lib/millrace-redis/library.sh

folder=$sealed/authority
install -d -m 0700 "$folder"
trap 'rm -f "$folder/key.pem.new" "$folder/cert.pem.new"' EXIT

# A secret that cannot be read (yet) is no secret without a value.
has_no_value() {
  local refusal
  refusal=$(aws secretsmanager get-secret-value --secret-id "$1" --query ARN --output text 2>&1 >/dev/null) || true
  [[ $refusal == *ResourceNotFoundException* ]]
}

make_authority() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$folder/key.pem.new"
  openssl req -x509 -new -sha256 -days 3650 -key "$folder/key.pem.new" -out "$folder/cert.pem.new" \
    -subj "/CN=$SERVICE.$ENVIRONMENT authority" \
    -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' -addext 'keyUsage=critical,keyCertSign,cRLSign'
  # The key first: a machine that finds the certificate finds the key too.
  aws secretsmanager put-secret-value --secret-id "$SECRET_AUTHORITY_KEY" --secret-string "file://$folder/key.pem.new" >/dev/null
  aws secretsmanager put-secret-value --secret-id "$SECRET_AUTHORITY" --secret-string "file://$folder/cert.pem.new" >/dev/null
  say 'made the authority of the set'
}

# Sets EMPTY, or fails as long as neither is certain.
settle() {
  if read_secret "$SECRET_AUTHORITY" >/dev/null; then EMPTY=no
  elif has_no_value "$SECRET_AUTHORITY"; then EMPTY=yes
  else return 1; fi
}

if [[ $NODE == 0 ]]; then
  within 900 settle || fail "secret $SECRET_AUTHORITY cannot be read"
  if [[ $EMPTY == yes ]]; then make_authority; fi
fi
await_secret "$SECRET_AUTHORITY" >"$folder/cert.pem"
await_secret "$SECRET_AUTHORITY_KEY" >"$folder/key.pem"
install_text "$runtime/tls/ca.pem" <"$folder/cert.pem"
