#!/usr/bin/env bash
# A Galera cluster of three MariaDB servers on loopback, for tests and for trying things out: own data directories, own
# ports, nothing of the system's services is touched.
#
#   tools/galera.sh install           Debian packages that are missing (needs root; does nothing when complete)
#   tools/galera.sh start [N…]        starts the servers (1, 2, 3) that do not run; prints GALERA_N_URL, GALERA_N_PID
#   tools/galera.sh kill N…           SIGKILL
#   tools/galera.sh stop [N…]         ends them in order; with --remove their data goes too
#   tools/galera.sh state             what each says of itself: cluster size, state, position
#
# All take --dir DIR. A server that was killed comes back by `start N`, on the same port, with what it has missed.
# Exit code 3, and a line on stderr that says why, when Galera can't be had here.
set -euo pipefail

readonly user=tenon password=tenon-test
command=${1:-}
[ $# -gt 0 ] && shift
directory="${TMPDIR:-/tmp}/tenon-galera-$(id -u)"
remove=false
names=()
while [ $# -gt 0 ]; do
  case $1 in
    --dir) directory=$2; shift ;;
    --remove) remove=true ;;
    1 | 2 | 3) names+=("$1") ;;
    *) echo "Unknown argument '$1'. Servers: 1, 2, 3." >&2; exit 2 ;;
  esac
  shift
done

usage() { sed -n '2,12p' "$0" >&2; exit 2; }
absent() { echo "Galera can't be had here: $1" >&2; exit 3; }

provider() { find /usr/lib -name 'libgalera_smm.so' 2> /dev/null | sort | tail -n 1; }

install_packages() {
  local missing=()
  [ -x /usr/sbin/mariadbd ] || missing+=(mariadb-server)
  [ -n "$(provider)" ] || missing+=(galera-4)
  # It carries the state to a server that joins.
  command -v rsync > /dev/null || missing+=(rsync)
  [ "${#missing[@]}" -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || absent "installing Debian packages needs root. Run: sudo apt-get install ${missing[*]}"
  command -v apt-get > /dev/null || absent "${missing[*]} missing, and there is no apt-get"
  export DEBIAN_FRONTEND=noninteractive
  (apt-get update -qq && RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}") >&2 ||
    absent 'apt-get install failed, see above'
}

# As root the servers run as Debian's user mysql: root's rsync daemon gives up its rights and can't write what it receives.
as_user=()
[ "$(id -u)" != 0 ] || as_user=(setpriv --reuid=mysql --regid=mysql --init-groups)

reach_directory() {
  [ "${#as_user[@]}" -gt 0 ] || return 0
  chown mysql "$directory"
  "${as_user[@]}" test -w "$directory" || absent "user mysql can't reach $directory: a directory above it is closed to it"
}

# Four for each server (SQL, group communication, incremental and full state transfer), below the ports that the system
# gives to outgoing connections: nobody else takes one while its server is down.
choose_ports() {
  [ -f "$directory/ports" ] && return
  python3 - > "$directory/ports.new" << 'PYTHON'
import random, socket
found = []
while len(found) < 12:
    port = random.randrange(12000, 20000)
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
    if port not in found:
        found.append(port)
for n in range(3):
    print(*found[4 * n : 4 * n + 4])
PYTHON
  mv "$directory/ports.new" "$directory/ports"
}
# port_of N COLUMN
port_of() { sed -n "${1}p" "$directory/ports" | cut -d' ' -f"$2"; }

is_alive() { kill -0 "$1" 2> /dev/null && ! grep -qs '^State:[[:space:]]*Z' "/proc/$1/status"; }
is_running() { [ -f "$directory/$1/pid" ] && is_alive "$(cat "$directory/$1/pid")"; }
any_runs() { is_running 1 || is_running 2 || is_running 3; }

# ask N SQL: as the server's administrator
ask() { mariadb --no-defaults -u root --socket="$directory/$1/socket" --connect-timeout=2 -BN -e "$2"; }
status() { ask "$1" "show global status like '$2'" 2> /dev/null | cut -f2; }
is_synced() { [ "$(status "$1" wsrep_local_state_comment)" = Synced ]; }

options_of() {
  local n=$1 home="$directory/$1"
  printf '%s\n' --no-defaults --datadir="$home/data" --port="$(port_of "$n" 1)" --bind-address=127.0.0.1 \
    --socket="$home/socket" --pid-file="$home/server-pid" --skip-name-resolve --max-connections=200 \
    --binlog-format=ROW --default-storage-engine=InnoDB --innodb-autoinc-lock-mode=2 --innodb-flush-log-at-trx-commit=1 \
    --wsrep-on=ON --wsrep-provider="$(provider)" --wsrep-cluster-name=tenon-test --wsrep-node-name="node$n" \
    --wsrep-node-address=127.0.0.1 --wsrep-node-incoming-address="127.0.0.1:$(port_of "$n" 1)" \
    --wsrep-cluster-address="gcomm://127.0.0.1:$(port_of 1 2),127.0.0.1:$(port_of 2 2),127.0.0.1:$(port_of 3 2)" \
    --wsrep-provider-options="base_host=127.0.0.1;base_port=$(port_of "$n" 2);gmcast.listen_addr=tcp://127.0.0.1:$(port_of "$n" 2);ist.recv_addr=127.0.0.1:$(port_of "$n" 3);gcache.size=64M" \
    --wsrep-sst-method=rsync --wsrep-sst-receive-address="127.0.0.1:$(port_of "$n" 4)" \
    --wsrep-sync-wait=7
}

# uuid:seqno up to which its data go. Without it a killed server would ask for all data again.
position_of() {
  local options
  mapfile -t options < <(options_of "$1")
  "${as_user[@]}" /usr/sbin/mariadbd "${options[@]}" --wsrep-recover 2>&1 | sed -n 's/.*Recovered position: *//p' | tail -n 1
}

start() {
  local n=$1 home="$directory/$1" options position until
  shift
  if [ ! -d "$home/data" ]; then
    "${as_user[@]}" mkdir -p "$home"
    "${as_user[@]}" mariadb-install-db --no-defaults --datadir="$home/data" --auth-root-authentication-method=normal \
      --skip-test-db > "$home/install.log" 2>&1 || { tail -n 15 "$home/install.log" >&2; exit 1; }
  fi
  mapfile -t options < <(options_of "$n")
  position=$(position_of "$n")
  # The server must outlive this script and hold none of its descriptors.
  ( setsid "${as_user[@]}" /usr/sbin/mariadbd "${options[@]}" ${position:+--wsrep-start-position="$position"} "$@" \
    >> "$home/log" 2>&1 < /dev/null & echo $! > "$home/pid" )
  until=$((SECONDS + 60))
  until is_synced "$n"; do
    if ! is_running "$n" || [ "$SECONDS" -ge "$until" ]; then
      tail -n 25 "$home/log" >&2
      echo "Galera server $n did not join; its log is above." >&2
      exit 1
    fi
    sleep 0.1
  done
}

# Of the servers none runs: the one whose data go furthest begins a new cluster.
bootstrap() {
  local n position first=1 furthest=-1
  for n in 1 2 3; do
    [ -d "$directory/$n/data" ] || continue
    position=$(position_of "$n")
    position=${position##*:}
    if [ -n "$position" ] && [ "$position" -gt "$furthest" ]; then furthest=$position first=$n; fi
  done
  [ ! -f "$directory/$first/data/grastate.dat" ] ||
    sed -i 's/^safe_to_bootstrap:.*/safe_to_bootstrap: 1/' "$directory/$first/data/grastate.dat"
  start "$first" --wsrep-new-cluster
  ask "$first" "create user if not exists '$user'@'%' identified by '$password'; grant all on *.* to '$user'@'%' with grant option;"
}

end() {
  local n=$1 pid until=$((SECONDS + 30))
  if is_running "$n"; then
    pid=$(cat "$directory/$n/pid")
    kill -TERM "$pid" 2> /dev/null || true
    while is_alive "$pid"; do
      [ "$SECONDS" -lt "$until" ] || { kill -KILL "$pid" 2> /dev/null || true; break; }
      sleep 0.1
    done
  fi
  rm -f "$directory/$n/pid"
}

all_by_default() { [ "${#names[@]}" -gt 0 ] || names=(1 2 3); }

case $command in
  install) install_packages ;;
  start)
    all_by_default
    install_packages > /dev/null
    mkdir -p "$directory"
    choose_ports
    reach_directory
    any_runs || bootstrap
    for n in "${names[@]}"; do is_running "$n" || start "$n"; done
    for n in "${names[@]}"; do
      echo "GALERA_${n}_URL=mysql://$user:$password@127.0.0.1:$(port_of "$n" 1)"
      echo "GALERA_${n}_PID=$(cat "$directory/$n/pid")"
    done
    ;;
  kill)
    [ "${#names[@]}" -gt 0 ] || usage
    for n in "${names[@]}"; do if is_running "$n"; then kill -KILL "$(cat "$directory/$n/pid")"; fi; done
    ;;
  stop)
    all_by_default
    for n in "${names[@]}"; do end "$n"; done
    if $remove; then rm -rf "$directory"; fi
    ;;
  state)
    for n in 1 2 3; do
      if is_running "$n"; then
        echo "$n: $(status "$n" wsrep_cluster_status), $(status "$n" wsrep_local_state_comment)," \
          "$(status "$n" wsrep_cluster_size) servers, position $(status "$n" wsrep_last_committed)"
      else
        echo "$n: not running"
      fi
    done
    ;;
  *) usage ;;
esac
