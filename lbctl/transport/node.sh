# The node's function library: sh, coreutils and util-linux alone. Every function says what it does in its
# status; what it prints is evidence. All that lbctl keeps on a node is below $base.
base=/var/lib/lbctl
stage=$base/stage
tab=$(printf '\t')

# A script goes on when its connection is lost: the next one waits until it has ended. The script that holds
# the lock (it has no nonce of its own) stays out of this.
if [ -n "${nonce-}" ] && [ -d "$base" ]; then
  exec 8>>"$base/busy" && flock -w 90 8 || { echo "an earlier script is still at work here"; exit 75; }
  lbctl_busy=1; export lbctl_busy
fi

fail() { printf '%s\n' "$*"; return 1; }

beside() { printf '%s/.%s.lbctl-new' "${1%/*}" "${1##*/}"; }

digest() { [ -e "$1" ] && sha256sum <"$1" | cut -d' ' -f1 || echo absent; }

# a script that is let in alone ends what an install that was cut off still holds back
make_base() {
  mkdir -p "$base" && chmod 0700 "$base" || return 1
  [ -z "${lbctl_busy-}" ] || ! ours || release_services
}

# hold_lock TOKEN WHO WHAT SINCE: hold the lock until standard input (kept at 3) ends, or says nothing for a
# minute: an operator's machine that vanishes closes nothing, and sshd notices after hours. Each byte is answered
hold_lock() {
  make_base || { echo "@$1 cannot make $base"; return 1; }
  exec 9>>"$base/lock"
  flock -n 9 || { end_former "$1" && flock -w 5 9; } || {
    echo "@$1 $(head -n 3 "$base/lock.info" 2>/dev/null || echo 'holder unknown')" | tr '\n' ' '; echo
    return 75
  }
  (umask 077; printf '%s\n%s\n%s\n%s\n' "$2" "$3" "$4" "$1 $$" >"$base/lock.info")
  echo "@$1 locked"
  # the lock goes with this shell alone; how old its record is says when the holder was heard last
  while [ -n "$(timeout 60 dd bs=1 count=1 <&3 2>/dev/null 9>&-)" ]; do touch "$base/lock.info"; printf .; done
  rm -f "$base/lock.info"
}

# end_former TOKEN: the same holder's process, on a connection that was lost in silence; nobody else's
end_former() {
  former=$(sed -n 4p "$base/lock.info" 2>/dev/null)
  [ "${former% *}" = "$1" ] && kill "${former#* }"
}

# ---- packages (apt); services are kept from starting until their configuration stands

policy=/usr/sbin/policy-rc.d
holding=/run/lbctl-holds-services # gone after a reboot: one that was cut off holds nothing back then

ours() { grep -qs lbctl "$policy"; }

hold_services() {
  [ ! -e "$policy" ] || ours || mv "$policy" "$policy.lbctl-kept"
  : >"$holding" && cat >"$policy" <<END && chmod 0755 "$policy"
#!/bin/sh
# by lbctl, for the time of an install
[ ! -e $holding ] || exit 101
[ ! -x $policy.lbctl-kept ] || exec $policy.lbctl-kept "\$@"
END
}

release_services() {
  rm -f "$holding"
  ! ours || rm -f "$policy"
  [ ! -e "$policy.lbctl-kept" ] || mv "$policy.lbctl-kept" "$policy"
}

apt() {
  trap release_services EXIT
  hold_services || return 1
  apt_get "$@"
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -q -y \
    -o DPkg::Lock::Timeout=60 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" </dev/null
}

# an install whose power went: until dpkg has ended it, apt refuses every other
finish_install() {
  [ -n "$(ls /var/lib/dpkg/updates 2>/dev/null; dpkg --audit)" ] || return 0
  trap release_services EXIT
  hold_services || return 1
  DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold --configure -a </dev/null
  : # what it cannot end, apt may; and if not, apt says so
}

# apt_install NAME[=VERSION]…
apt_install() { (finish_install); (apt update >/dev/null 2>&1; :); (apt --allow-downgrades install "$@"); }

apt_remove() { (apt remove "$@"); }

# apt_update SECONDS: what the sources have now; one that cannot be asked is a failure
apt_update() { timeout "$1" apt-get -q -o APT::Update::Error-Mode=any update </dev/null; }

# apt_upgrade NAME=VERSION…: what was fetched before (stage_package); nothing else goes for it
apt_upgrade() { (finish_install); (apt --allow-downgrades --no-remove install "$@"); }

# ---- stage: candidates beside, looked at by the daemons' own check in a view of their own

stage_begin() { make_base && rm -rf "$stage" && mkdir -m 0700 "$stage" && : >"$stage/list"; }

# stage_file NUMBER PATH MODE OWNER GROUP SHA256 <bytes
stage_file() {
  (umask 077; cat >"$stage/$1")
  [ "$(digest "$stage/$1")" = "$6" ] || fail "could not write the candidate of $2: is the disk full?" || return 1
  printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$3" "$4" "$5" "$2" >>"$stage/list"
}

# stage_package NAME VERSION [NOW]: fetched into apt's cache; and the version of now, which the undo installs again
stage_package() {
  apt_get --download-only --allow-downgrades --no-remove install "$1=$2" || return 1
  [ -n "${3-}" ] || return 0
  arch=$(dpkg-query -W -f '${Architecture}' "$1")
  cached=/var/cache/apt/archives/$1_$(printf %s "$3" | sed 's/:/%3a/')_$arch.deb
  if [ -e "$cached" ]; then cp "$cached" "$stage/$1.deb"; else
    (cd "$stage" && apt_get download "$1=$3") && mv "$stage/$1"_*.deb "$stage/$1.deb"
  fi && [ "$(dpkg-deb -f "$stage/$1.deb" Version)" = "$3" ] || fail "could not keep $1 $3 for the undo"
}

# stage_absent PATH: the view shows it gone
stage_absent() { printf -- '-\t-\t-\t-\t%s\n' "$1" >>"$stage/list"; }

# check_stage DAEMON… <script: what the daemons say of the running files and of the candidates
check_stage() { unshare -m sh -s -- "$stage" "$@"; }

stage_end() { rm -rf "$stage"; }

# ---- the transaction: what the undo needs, armed by one rename

# txn_begin ID [FORMER]: FORMER is armed by the same apply; the servers that it has drained are noted in this one too
txn_begin() {
  for f in armed undoing; do
    [ ! -e "$base/$f" ] || [ "$f $(cat "$base/$f/id")" = "armed ${2-}" ] ||
      fail "a change of this node was neither confirmed nor undone: $base/$f" || return 1
  done
  rm -rf "$base/txn" "$base/former" && mkdir -m 0700 "$base/txn" && printf '%s\n' "$1" >"$base/txn/id" &&
    { [ -z "${2-}" ] || sed -n "/^server$tab/p" "$base/armed/items"; } >"$base/txn/items"
}

# an empty word is written as `-`: the undo's read would take two tabs for one
note_item() {
  first=$1; shift
  { printf %s "$first"; for word in "$@"; do printf '\t%s' "${word:--}"; done; echo; } >>"$base/txn/items"
}

# save_file NUMBER PATH
save_file() {
  if [ -e "$2" ] || [ -L "$2" ]; then
    cp -a "$2" "$base/txn/$1" && [ "$(digest "$2")" = "$(digest "$base/txn/$1")" ] ||
      fail "could not keep a copy of $2: is the disk full?" || return 1
    note_item file "$1" "$2"
  else
    note_item absent - "$2"
  fi
}

# save_package NAME VERSION: without its file, which could not be had, the undo leaves it at what it is
save_package() {
  [ ! -e "$stage/$1.deb" ] || cp "$stage/$1.deb" "$base/txn/$1.deb" ||
    fail "could not keep $1 $2: is the disk full?" || return 1
  note_item package "$1" "$2"
}

proc_path() { case $1 in */*) echo "/proc/sys/$1" ;; *) echo "/proc/sys/$(printf %s "$1" | tr . /)" ;; esac; }

save_sysctl() { note_item sysctl "$1" "$(tr '\t\n' '  ' <"$(proc_path "$1")" | sed 's/ *$//')"; }

# save_service UNIT [ACTIVE]: ACTIVE where it was read just before
save_service() {
  note_item service "$1" "$(systemctl is-enabled "$1" 2>/dev/null)" \
    "${2:-$(systemctl is-active "$1" 2>/dev/null)}"
}

# save_effect UNIT IMPACT [ACTIVE]
save_effect() { note_item effect "$1" "$2" "${3:-$(systemctl is-active "$1" 2>/dev/null)}"; }

# save_server_state SOCKETS FILE SERVER…: how the undo's take of HAProxy's old file carries over what it knows of them
save_server_state() { sockets=$1 file=$2; shift 2; note_item state "$sockets" "$file" "$*"; }

save_daemon_reload() { : >"$base/txn/daemon-reload"; }

save_drain() { note_item drain "$(cat "$base/drain" 2>/dev/null || echo 0)"; }

# save_attended: the deadline counts only when lbctl is not heard any more
save_attended() { : >"$base/txn/attended"; }

# save_together SECONDS LINE…: this is a change of all nodes at one instant; see take
save_together() { printf '%s\n' "$@" >"$base/txn/together"; }

# install_undo UNDO TAKE SERVERS README UNIT…: what stands on the node for good, each in base64; units are NAME=…
install_undo() {
  put "$base/undo" 0700 "$1" && put "$base/take" 0700 "$2" && put "$base/servers" 0700 "$3" &&
    put "$base/README" 0600 "$4" || return 1
  shift 4
  fresh=
  for unit in "$@"; do
    path=/etc/systemd/system/${unit%%=*}
    [ "$(base64 -w0 <"$path" 2>/dev/null)" = "${unit#*=}" ] || { put "$path" 0644 "${unit#*=}" && fresh=1 || return 1; }
  done
  [ -z "$fresh" ] || { systemctl daemon-reload && systemctl -q enable lbctl-undo-boot.service; }
}

put() { # PATH MODE BASE64
  (umask 077; printf %s "$3" | base64 -d >"$1.new") && chmod "$2" "$1.new" &&
    [ "$(base64 -w0 <"$1.new")" = "$3" ] && sync "$1.new" && mv -T "$1.new" "$1"
}

# arm SECONDS [AT]: from here on the node puts itself back, at the deadline or at its next boot, unless
# confirmed; what is taken together at the instant AT
arm() {
  [ -z "${2-}" ] || echo "$2" >"$base/txn/at" || return 1
  read -r up _ </proc/uptime && read -r boot </proc/sys/kernel/random/boot_id &&
    echo $((${up%.*} + $1)) "$boot" >"$base/txn/deadline" && sync "$base/txn"/* "$base/txn" &&
    { [ ! -d "$base/armed" ] || mv -T "$base/armed" "$base/former"; } &&
    mv -T "$base/txn" "$base/armed" && rm -rf "$base/former" && sync "$base" && systemctl --no-block restart lbctl-undo.service
}

# still_armed ID: what follows may touch the node, because it would put itself back
still_armed() {
  [ "$(cat "$base/armed/id" 2>/dev/null)" = "$1" ] ||
    fail "the time to confirm has passed, and the node has put itself back"
}

# confirm ID [KEEP]: the candidates go, unless a later turn of this node needs them
confirm() {
  rm -rf "$base"/confirmed.* && mv -T "$base/armed" "$base/confirmed.$1" && { [ -n "${2-}" ] || stage_end; }
}

# rearm ID: confirmed here and not on the other nodes of one change: it is put back with them. Says whether
# there is anything to put back
rearm() {
  [ ! -d "$base/confirmed.$1" ] ||
    { mv -T "$base/confirmed.$1" "$base/armed" && systemctl --no-block restart lbctl-undo.service; } || return
  { [ ! -d "$base/armed" ] && [ ! -d "$base/undoing" ]; } || echo "not yet"
}

is_confirmed() { [ -d "$base/confirmed.$1" ]; }

# journal PLAN STEP WHAT: one line each, the last thousand. Evidence: a full disk must stop no undo for it
journal() {
  { printf '%s %s %s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" "$2" "$3" >>"$base/journal"; } 2>/dev/null
  [ "$(wc -l <"$base/journal")" -le 2000 ] ||
    { tail -n 1000 "$base/journal" >"$base/journal.new" && mv -T "$base/journal.new" "$base/journal"; }
  :
}

# undo [at NANOSECONDS]
undo() { rm -rf "$base/txn"; [ ! -x "$base/undo" ] || sh "$base/undo" "$@"; }

# ---- swap

# swap_file NUMBER PATH MODE OWNER GROUP SHA256 EXPECTED: compare-and-swap on the digest, by one rename
swap_file() {
  [ ! -L "$2" ] || fail "$2 is a symbolic link" || return 1
  [ "$(digest "$2")" = "$7" ] || fail "$2 has changed since it was read" || return 1
  mkdir -p "${2%/*}" && new=$(beside "$2") && cp "$stage/$1" "$new" &&
    chown "$4:$5" "$new" && chmod "$3" "$new" && [ "$(digest "$new")" = "$6" ] ||
    { rm -f "$(beside "$2")"; fail "could not write beside $2: is the disk full?"; return 1; }
  label "$2" "$new" && sync "$new" && mv -T "$new" "$2"
}

label() {
  [ -e /sys/fs/selinux/enforce ] || return 0
  if [ -e "$1" ]; then chcon --reference="$1" "$2"; else chcon "$(matchpathcon -n "$1")" "$2"; fi
}

delete_file() {
  [ "$(digest "$1")" = "$2" ] || fail "$1 has changed since it was read" || return 1
  rm -f "$1"
}

kept_name() { printf '%s/original/%s' "$base" "$(printf %s "$1" | tr / %)"; }

# keep_original PATH: before lbctl's first change of a file
keep_original() {
  kept=$(kept_name "$1")
  [ -e "$1" ] || return 0
  mkdir -p "$base/original" && cp -a "$1" "$kept.new" && [ "$(digest "$1")" = "$(digest "$kept.new")" ] &&
    mv -T "$kept.new" "$kept"
}

give_back() {
  kept=$(kept_name "$1")
  [ "$(digest "$1")" = "$2" ] || fail "$1 has changed since it was read" || return 1
  cp -a "$kept" "$(beside "$1")" && mv -T "$(beside "$1")" "$1"
}

# forget_original PATH: it was given back, and that is confirmed
forget_original() { rm -f "$(kept_name "$1")"; }

# ---- sysctl: live, and one file of our own that is read last at boot

sysctl_file=/etc/sysctl.d/99-zz-lbctl.conf

sysctl_lines() { # all lines of our file but KEY's
  [ ! -e "$sysctl_file" ] || awk -v key="$1" '$1 != key' "$sysctl_file"
}

sysctl_write() { # <lines
  new=$(beside "$sysctl_file")
  mkdir -p /etc/sysctl.d && cat >"$new" && chmod 0644 "$new" && sync "$new" && mv -T "$new" "$sysctl_file"
}

set_sysctl() {
  { sysctl_lines "$1"; printf '%s = %s\n' "$1" "$2"; } | sysctl_write && printf '%s\n' "$2" >"$(proc_path "$1")"
}

drop_sysctl() {
  rest=$(sysctl_lines "$1")
  if [ -n "$rest" ]; then printf '%s\n' "$rest" | sysctl_write; else rm -f "$sysctl_file"; fi
}

# ---- services and what changes need of them

set_enabled() { systemctl -q "$2" "$1"; }

start_service() { systemctl reset-failed "$1" 2>/dev/null; systemctl start "$1"; }

stop_service() { systemctl stop "$1"; }

# end_connections UNIT SECONDS: a soft stop, which takes no new connections and lets those that are open end; says
# how many had not by then. The unit is stopped by the caller, in the same script: it may start itself again
end_connections() {
  ports=$(ss -Hltnp | awk -v name="\"$1\"" 'index($0, name) { sub(/.*:/, "", $4); print "sport = :" $4 }' | sort -u |
    awk '{ printf "%s%s", (NR > 1 ? " or " : ""), $0 }')
  [ -n "$ports" ] || { echo 0; return 0; }
  systemctl kill --kill-who=main -s USR1 "$1" || return 1
  polls=$(($2 * 5))
  while left=$(ss -Htn state established "( $ports )" | wc -l) && [ "$left" -gt 0 ] && [ "$polls" -gt 0 ]; do
    sleep 0.2; polls=$((polls - 1))
  done
  echo "$left"
}

daemon_reload() { systemctl daemon-reload; }

take_reload() {
  systemctl is-active -q "$1" || return 0
  timeout 30 systemctl reload "$1"
}

take_restart() {
  systemctl reset-failed "$1" 2>/dev/null
  timeout 60 systemctl restart "$1"
}

# take_with_servers VERB SOCKETS FILE SERVER…: HAProxy, and what it knows of its servers goes on; see node/servers.sh
take_with_servers() { sh "$base/servers" take "$@"; }

# drain_servers SOCKET SERVER…: no new sessions for these, unless an operator has taken them out
drain_servers() { sh "$base/servers" drain "$@"; }

take_together() { sh "$base/take" "$1" "$2" "$base/armed/together"; }

# ---- the owner record

write_owner() {
  (umask 077; cat >"$base/owner.json.new") && [ "$(digest "$base/owner.json.new")" = "$1" ] &&
    sync "$base/owner.json.new" && mv -T "$base/owner.json.new" "$base/owner.json"
}

# note_loaded <script: which process has read which file as it is; see host/loaded.sh. It only spares drift a doubt:
# where it cannot be written, or a daemon has gone, nothing else fails
note_loaded() {
  (umask 077; noted=/run/lbctl-loaded; sh -s >$noted.new 2>/dev/null && mv -T $noted.new $noted)
  :
}

# last_messages UNIT COUNT. What HAProxy logs of its traffic comes as syslog: URLs of clients are left out
last_messages() {
  set -- -n "$2" -u "$1"
  [ "$4" != haproxy ] || set -- "$@" _TRANSPORT=stdout _TRANSPORT=journal
  journalctl -q --no-pager -o cat "$@" 2>/dev/null
}

# try_connects ADDRESS/PORT…: all at once; prints those that do not accept a connection
try_connects() {
  for place in "$@"; do
    (timeout 3 bash -c 'exec 3<>"/dev/tcp/$0"' "$place" 2>/dev/null || echo "$place") &
  done
  wait
}
