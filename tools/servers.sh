#!/usr/bin/env bash
# Database servers for tests and benchmarks: own instances, on loopback ports, in a directory of their own. The system's
# services are never touched.
#
#   tools/servers.sh install NAME…             Debian packages that are missing (needs root; does nothing when complete)
#   tools/servers.sh start   NAME… [--dir DIR] starts what does not run yet, prints KEY=VALUE lines (URL, PID, directory)
#   tools/servers.sh stop    NAME… [--dir DIR] ends them; with --remove their data goes too
#
# NAME: mariadb, mysql, redis, postgres. MySQL is not in Debian 12: it is taken from Debian unstable into DIR, and needs
# network the first time. Exit code 3, and a line on stderr that says why, when a server can't be had here.
set -euo pipefail

readonly user=tenon password=tenon-test
command=${1:-}
[ $# -gt 0 ] && shift
directory="${TMPDIR:-/tmp}/tenon-servers-$(id -u)"
remove=false
names=()
while [ $# -gt 0 ]; do
  case $1 in
    --dir) directory=$2; shift ;;
    --remove) remove=true ;;
    mariadb | mysql | redis | postgres) names+=("$1") ;;
    *) echo "Unknown argument '$1'. Servers: mariadb, mysql, redis, postgres." >&2; exit 2 ;;
  esac
  shift
done
# Not under the data: one download serves every instance of this user.
mysql_root="${TENON_MYSQL_ROOT:-${XDG_CACHE_HOME:-$HOME/.cache}/tenon/mysql}"

absent() { echo "$1 can't be had here: $2" >&2; exit 3; }

# ---- install ----

postgres_bin() { find /usr/lib/postgresql -maxdepth 3 -name initdb 2>/dev/null | sort -V | tail -n 1 | xargs -r dirname; }

package_of() {
  case $1 in
    mariadb) [ -x /usr/sbin/mariadbd ] || echo mariadb-server ;;
    redis) command -v redis-server > /dev/null || echo redis-server ;;
    postgres) [ -n "$(postgres_bin)" ] || echo postgresql ;;
    mysql) ;;
  esac
}

install_packages() {
  local missing=() name package
  for name in "$@"; do
    package=$(package_of "$name")
    [ -n "$package" ] && missing+=("$package")
  done
  if [ "${#missing[@]}" -gt 0 ]; then
    [ "$(id -u)" = 0 ] || absent "${missing[*]}" "installing Debian packages needs root. Run: sudo apt-get install ${missing[*]}"
    command -v apt-get > /dev/null || absent "${missing[*]}" 'there is no apt-get'
    export DEBIAN_FRONTEND=noninteractive
    # The packages would start their own services; this keeps them from it.
    (apt-get update -qq && RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}") >&2 ||
      absent "${missing[*]}" 'apt-get install failed, see above'
  fi
  for name in "$@"; do if [ "$name" = mysql ]; then install_mysql; fi; done
}

# A private package state: the system's apt knows nothing of it, and no package is installed, only unpacked.
install_mysql() {
  [ -x "$mysql_root/usr/sbin/mysqld" ] && return
  command -v apt-get > /dev/null || absent MySQL 'there is no apt-get'
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg apt="$mysql_root.apt"
  [ -r "$keyring" ] || absent MySQL "$keyring is missing"
  rm -rf "$apt" "$mysql_root.new"
  mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/state" "$mysql_root.new"
  : > "$apt/status"
  # The mirror this machine uses anyway; the one for security updates has no unstable.
  local mirror
  mirror=$(apt-get indextargets --format '$(SITE)' | grep -v security | head -n 1)
  [ -n "$mirror" ] || absent MySQL 'apt knows no Debian mirror'
  echo "deb [signed-by=$keyring] $mirror unstable main" > "$apt/sources.list"
  local options=(
    -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State=$apt/state" -o "Dir::State::Lists=$apt/lists" -o "Dir::State::Status=$apt/status"
    -o "Dir::Cache=$apt" -o "Dir::Cache::Archives=$apt/archives" -o APT::Sandbox::User=root
    -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o Debug::NoLocking=1 -o Acquire::Languages=none
  )
  apt-get "${options[@]}" -qq update >&2 || absent MySQL 'the package list of Debian unstable could not be read'
  apt-get "${options[@]}" -qq -y --no-install-recommends --download-only install mysql-server-core >&2 ||
    absent MySQL 'mysql-server-core could not be downloaded from Debian unstable'
  local package
  for package in "$apt"/archives/*.deb; do dpkg -x "$package" "$mysql_root.new"; done
  [ -x "$mysql_root.new/usr/sbin/mysqld" ] || absent MySQL 'the downloaded packages have no mysqld'
  rm -rf "$apt" "$mysql_root"
  mv "$mysql_root.new" "$mysql_root"
}

# Unpacked from another Debian, it brings its own C library.
mysqld() {
  local loader libraries
  loader=$(find "$mysql_root" -name 'ld-linux-*.so*' | head -n 1)
  libraries=$(find "$mysql_root" \( -name libc.so.6 -o -name 'libstdc++.so.6' -o -name 'libprotobuf-lite.so*' \) -printf '%h\n' |
    sort -u | paste -sd:)
  exec "$loader" --library-path "$libraries" "$mysql_root/usr/sbin/mysqld" --no-defaults \
    --basedir="$mysql_root/usr" --lc-messages-dir="$mysql_root/usr/share/mysql" \
    --plugin-dir="$(dirname "$(find "$mysql_root" -path '*plugin*' -name '*.so' | head -n 1)")" \
    --character-sets-dir="$mysql_root/usr/share/mysql/charsets" --secure-file-priv= --mysqlx=OFF "$@"
}

# ---- start ----

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# A dead process that nobody waits for (containers often have no init) still takes signals.
is_alive() { kill -0 "$1" 2> /dev/null && ! grep -qs '^State:[[:space:]]*Z' "/proc/$1/status"; }
is_running() { [ -f "$1/pid" ] && is_alive "$(cat "$1/pid")"; }

# wait_until SECONDS NAME HOME COMMAND…
wait_until() {
  local until=$((SECONDS + $1)) name=$2 home=$3
  shift 3
  until "$@" > /dev/null 2>&1; do
    if ! is_running "$home" || [ "$SECONDS" -ge "$until" ]; then
      tail -n 15 "$home/log" >&2
      echo "$name did not start; its log is above." >&2
      exit 1
    fi
    sleep 0.1
  done
}

# The server must outlive this script and hold none of its descriptors.
background() {
  local home=$1
  shift
  ( setsid "$@" > "$home/log" 2>&1 < /dev/null & echo $! > "$home/pid" )
}

accepts() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

start_mysql_like() {
  local name=$1 home=$2 port=$3
  # One statement a line is all that an init file takes.
  printf '%s\n' "create user if not exists '$user'@'%' identified by '$password';" \
    "grant all on *.* to '$user'@'%' with grant option;" > "$home/init.sql"
  local options=(
    --datadir="$home/data" --port="$port" --bind-address=127.0.0.1 --socket="$home/socket" --pid-file="$home/server-pid"
    --skip-name-resolve --innodb-flush-log-at-trx-commit=1 --max-connections=200 --init-file="$home/init.sql"
  )
  local as_root=()
  [ "$(id -u)" = 0 ] && as_root=(--user=root)
  if [ "$name" = mariadb ]; then
    [ -d "$home/data" ] || mariadb-install-db --no-defaults "${as_root[@]}" --datadir="$home/data" \
      --auth-root-authentication-method=normal --skip-test-db > "$home/install.log" 2>&1 ||
      { tail -n 15 "$home/install.log" >&2; exit 1; }
    background "$home" /usr/sbin/mariadbd --no-defaults "${as_root[@]}" "${options[@]}"
  else
    [ -d "$home/data" ] || (mysqld "${as_root[@]}" --datadir="$home/data" --initialize-insecure) > "$home/install.log" 2>&1 ||
      { tail -n 15 "$home/install.log" >&2; exit 1; }
    export -f mysqld
    export mysql_root
    background "$home" bash -c 'mysqld "$@"' mysqld "${as_root[@]}" "${options[@]}"
  fi
  # It accepts only once the account is there: the init file is read before the port is opened.
  wait_until 60 "$name" "$home" accepts "$port"
}

start_redis() {
  local home=$1 port=$2
  background "$home" redis-server --port "$port" --bind 127.0.0.1 --dir "$home" --save '' --appendonly no --daemonize no
  wait_until 15 redis "$home" accepts "$port"
}

start_postgres() {
  local home=$1 port=$2 bin
  bin=$(postgres_bin)
  # PostgreSQL refuses to run as root.
  local as=()
  if [ "$(id -u)" = 0 ]; then
    chown postgres "$home"
    as=(setpriv --reuid=postgres --regid=postgres --init-groups)
    local parent=$home
    while [ "$parent" != / ]; do
      parent=$(dirname "$parent")
      "${as[@]}" test -x "$parent" || absent PostgreSQL "user postgres can't reach $home: $parent is closed to it"
    done
  fi
  if [ ! -d "$home/data" ]; then
    printf %s "$password" > "$home/password"
    chmod 644 "$home/password"
    "${as[@]}" "$bin/initdb" -D "$home/data" -U "$user" --auth=scram-sha-256 --pwfile="$home/password" -E UTF8 \
      > "$home/install.log" 2>&1 || { tail -n 15 "$home/install.log" >&2; exit 1; }
  fi
  background "$home" "${as[@]}" "$bin/postgres" -D "$home/data" -p "$port" -h 127.0.0.1 -k "$home"
  wait_until 30 postgres "$home" "$bin/pg_isready" -h 127.0.0.1 -p "$port"
}

start() {
  local name=$1 home="$directory/$1" port
  mkdir -p "$home"
  if ! is_running "$home"; then
    # The port of last time, so that who waits for a server that was killed finds it again.
    port=$(cat "$home/port" 2> /dev/null || free_port)
    case $name in
      mariadb | mysql) start_mysql_like "$name" "$home" "$port" ;;
      redis) start_redis "$home" "$port" ;;
      postgres) start_postgres "$home" "$port" ;;
    esac
    echo "$port" > "$home/port"
  fi
  port=$(cat "$home/port")
  local key=${name^^}
  case $name in
    mariadb | mysql) echo "${key}_URL=mysql://$user:$password@127.0.0.1:$port" ;;
    redis) echo "${key}_URL=redis://127.0.0.1:$port" ;;
    postgres) echo "${key}_URL=postgres://$user:$password@127.0.0.1:$port/postgres" ;;
  esac
  echo "${key}_PID=$(cat "$home/pid")"
  echo "${key}_DIR=$home"
}

stop() {
  local home="$directory/$1" pid until=$((SECONDS + 20))
  if is_running "$home"; then
    pid=$(cat "$home/pid")
    kill -TERM "$pid" 2> /dev/null || true
    while is_alive "$pid"; do
      [ "$SECONDS" -lt "$until" ] || { kill -KILL "$pid" 2> /dev/null || true; break; }
      sleep 0.1
    done
  fi
  rm -f "$home/pid"
  if $remove; then rm -rf "$home"; fi
}

[ "${#names[@]}" -gt 0 ] || { sed -n '2,11p' "$0" >&2; exit 2; }
case $command in
  install) install_packages "${names[@]}" ;;
  start)
    install_packages "${names[@]}" > /dev/null
    for name in "${names[@]}"; do start "$name"; done
    ;;
  stop) for name in "${names[@]}"; do stop "$name"; done ;;
  *) sed -n '2,11p' "$0" >&2; exit 2 ;;
esac
