import { join } from 'node:path';
import { scriptHead, scriptVariables } from '../local-process/container.ts';

/** What a script needs to know when it is written. */
export interface ContainerScript {
  /** The client of Docker, and the engine that it is to ask. */
  readonly docker: string;
  readonly host: string;
  readonly image: string;
  /** The program in the image: the first of these that it has. */
  readonly names: readonly string[];
  /** Folder that the script lies in, which nobody else may read. */
  readonly folder: string;
  /** Folder that the program may write to; so may it to the one that it is started in. */
  readonly state: string;
  /** Folders that it may read. */
  readonly readOnly: readonly string[];
}

/**
 * A script that runs a program in a container as if it were a program of this machine: with the arguments, in the folder and on the ports of whoever calls it.
 *
 * Docker's client hands signals on, but ends by itself at the third SIGTERM. So the script hands them on, as words to the input of the container. Where that
 * input ends the program is killed: it outlives neither the script nor the client, whatever ends them.
 */
export function renderContainerScript(script: ContainerScript): string {
  const { docker, host, image, folder, state, readOnly } = script;
  const words = (texts: readonly string[]) => texts.map(quoted).join(' ');
  const mounts = [bind(state), ...readOnly.map((path) => `${bind(path)},readonly`)];
  const known = [state, ...readOnly].map((path) => `${quoted(path)}/*`).join('|');
  return `${scriptHead}unset DOCKER_HOST DOCKER_CONTEXT DOCKER_TLS DOCKER_TLS_VERIFY DOCKER_CERT_PATH
folder=${quoted(folder)} words=${quoted(folder)}/$$.words id=${quoted(folder)}/$$.id
user=\${${scriptVariables.user}:-$(id -u):$(id -g)}

# A user without a name is nobody to PostgreSQL and Java.
passwd=${quoted(join(folder, 'passwd-'))}\${user%:*}
if [ ! -e "$passwd" ]; then
  printf 'root:x:0:0::/:/bin/sh\\nserver:x:%s:%s::/:/bin/sh\\n' "\${user%:*}" "\${user#*:}" > "$passwd.$$"
  chmod 644 "$passwd.$$" && mv -f "$passwd.$$" "$passwd"
fi

rm -f "$words" "$id" && mkfifo -m 600 "$words" || exit 125
# Neither end waits for the other one this way, and the client gets none to write to.
exec 3<>"$words" 4<"$words" 5>"$words" 3>&-
rm -f "$words"
for signal in TERM INT QUIT; do trap "echo $signal >&5" "$signal"; done

set -- ${words([image, '-c', within(script.names), 'sh'])} "$@"
for name in \${${scriptVariables.names}:-}; do set -- --env "$name" "$@"; done
case "$PWD/" in
  ${known}) ;;
  *) set -- --mount "type=bind,\\"source=$PWD\\",\\"target=$PWD\\"" "$@" ;;
esac
DOCKER_CONFIG="$folder" ${words([docker, '--host', host, 'run', ...likeAProcess, ...mounts.flatMap((mount) => ['--mount', mount])])} \\
  --mount "type=bind,\\"source=$passwd\\",target=/etc/passwd,readonly" --user "$user" --workdir "$PWD" \\
  --ulimit "nofile=$(ulimit -Sn):$(ulimit -Hn)" --label ${quoted(`${stateLabel}=${state}`)} --cidfile "$id" \\
  --entrypoint /bin/sh "$@" <&4 4<&- 5>&- &
client=$!
exec 4<&-
while :; do
  wait "$client"
  code=$?
  # A signal ends the waiting, too.
  kill -0 "$client" 2>/dev/null || break
done
rm -f "$id"
exit "$code"
`;
}

/** Label of the containers of an environment: the folder of its state. */
export const stateLabel = 'millrace.state';

/** The network, the process numbers and the shared memory of the machine, as every process has them; and no right that a process would not have. */
const likeAProcess = [
  ...['--rm', '--interactive', '--sig-proxy=false', '--log-driver', 'none', '--pull', 'never'],
  ...['--network', 'host', '--pid', 'host', '--ipc', 'host', '--userns', 'host'],
  ...['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
];

/** What runs in the container: the program, and beside it who listens to words. */
function within(names: readonly string[]): string {
  const look = names.map((name) => `command -v ${name}`).join(' || ');
  return `program=$(${look}) || { echo "the image has no ${names.join(' or ')}" >&2; exit 127; }
exec 3<&0 </dev/null
"$program" "$@" 3<&- &
server=$!
{ while read -r signal; do kill -s "$signal" "$server"; done; kill -s KILL "$server"; } <&3 3<&- >/dev/null 2>&1 &
exec 3<&-
wait "$server"`;
}

/** Unlike a volume it fails where the folder is not there. The option reads lines of CSV. */
function bind(path: string): string {
  const value = path.replaceAll('"', '""');
  return `type=bind,"source=${value}","target=${value}"`;
}

function quoted(text: string): string {
  return /^[\w./:=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
