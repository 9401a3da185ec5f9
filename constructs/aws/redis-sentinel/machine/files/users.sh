# The users of the set and of the topology; whatever is wrong with these, Redis starts.
# Sourced; sets up their file.

# NAME RULES, a line each; none while there is no document.
declared_users() {
  if refusal=$(aws --cli-connect-timeout 5 --cli-read-timeout 15 s3 cp --only-show-errors "$USERS_DOCUMENT" "$sealed/users" 2>&1); then
    jq -r 'to_entries[] | "\(.key) \(.value)"' "$sealed/users"
  else
    [[ $refusal == *'(404)'* ]]
  fi
}

find_users() {
  local name rules secret
  declared=$(declared_users) || return 1
  FOUND=()
  while read -r name rules; do
    [[ -n $name ]] || continue
    secret=$(read_secret "$USERS_SECRETS$name") || return 1
    FOUND+=("user $name on #$(hash_of "$(jq -r .password <<<"$secret")") $rules")
  done <<<"$declared"
}

# Fails when the server would not start.
write_users() {
  {
    fill "$templates/users.acl" \
      "APP_USER=$APP_USER" "APP_HASH=$(hash_of "$APP_PASSWORD")" \
      "REPLICATION_USER=$REPLICATION_USER" "REPLICATION_HASH=$(hash_of "$REPLICATION_PASSWORD")" \
      "APPLY_USER=$APPLY_USER" "APPLY_HASH=$(hash_of "$APPLY_PASSWORD")"
    printf '%s\n' "$@"
  } | install_text "$runtime/users.acl"
  [[ -n $* ]] || return 0
  [[ $(timeout 1 setpriv --reuid "$owner" --regid "$owner" --clear-groups --no-new-privs -- \
    "$library/server" --port 0 --unixsocket "$runtime/trial" --save '' --aclfile "$runtime/users.acl" &>/dev/null || echo $?) == 124 ]]
}

kept=$volume/users.acl KEPT=()
[[ ! -e $kept ]] || mapfile -t KEPT <"$kept"
if within 5 find_users && write_users "${FOUND[@]}"; then
  printf '%s\n' "${FOUND[@]}" >"$kept.new"
  mv -f "$kept.new" "$kept"
else
  say "users of $USERS_DOCUMENT are as before: they cannot be read or understood"
  write_users "${KEPT[@]}" || write_users
fi
