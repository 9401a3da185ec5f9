#!/bin/bash
# certificate.sh issue|renew: this machine's key and certificate, good for 90 days; `renew` does nothing while 30 of them are left.
source /usr/local/lib/millrace-redis/library.sh

tls=$runtime/tls
authority=$sealed/authority
# There is a certificate that the servers do not use yet.
due=$sealed/reload-due

issue() {
  openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$sealed/server.key"
  openssl req -new -sha256 -key "$sealed/server.key" -subj "/CN=$NAME" |
    openssl x509 -req -sha256 -days 90 -CA "$authority/cert.pem" -CAkey "$authority/key.pem" -set_serial "0x$(openssl rand -hex 16)" \
      -extfile <(printf '%s\n' "subjectAltName=DNS:$HOST,DNS:localhost,IP:127.0.0.1" 'basicConstraints=critical,CA:FALSE' \
        'keyUsage=critical,digitalSignature' 'extendedKeyUsage=serverAuth,clientAuth') -out "$sealed/server.pem" 2>/dev/null
  install_text "$tls/server.key" <"$sealed/server.key"
  install_text "$tls/server.pem" <"$sealed/server.pem"
}

# Redis reads the files again when it is told their names. Sentinel cannot, so it starts anew: two others keep watch.
reload() {
  load_credentials
  ask_redis "$HOST" CONFIG SET tls-cert-file "$tls/server.pem" tls-key-file "$tls/server.key" >/dev/null
  systemctl restart millrace-redis-sentinel.service
  rm -f "$due"
  say 'renewed the certificate'
}

case $1 in
  issue) issue; rm -f "$due" ;;
  renew) openssl x509 -checkend $((30 * 86400)) -noout -in "$tls/server.pem" >/dev/null || { touch "$due"; issue; }; [[ ! -e $due ]] || reload ;;
  force-renew) touch "$due"; issue; reload ;;
  *) fail "certificate.sh issue, renew or force-renew, got $1" ;;
esac
