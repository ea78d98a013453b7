#!/bin/sh
# HAProxy's servers at run time, over its stats socket: for lbctl, and for the node's own undo. A server is
# BACKEND/SERVER; SOCKETS are paths of which one answers, in one word.
#   servers take VERB SOCKETS FILE SERVER…   HAProxy takes its file by a reload, restart or start, and begins with
#                what it knows of its servers: health, maint, drain, weight. Without these, whose lines change
#   servers back VERB SOCKETS FILE SERVER…   the same for an undo: those are again what they were
#   servers drain SOCKET SERVER…             these get no new sessions; noted in armed/ before that
#   servers ready ITEMS                      those that are noted there do again
# What an operator has taken out by hand is left as it is.
base=/var/lib/lbctl
master=/run/haproxy-master.sock
tab=$(printf '\t')

ask() { # SOCKET COMMAND
  [ -S "$1" ] && command -v socat >/dev/null && printf '%s\n' "$2" | socat -t 5 - "UNIX-CONNECT:$1" 2>/dev/null
}

worker() { # the process that answers now
  for socket in $sockets; do ask "$socket" 'show info' | sed -n 's/^Pid: //p'; done | head -n 1
}

# how many reloads have failed since one did not; the daemon says it to nobody else (2.6)
failed() { ask "$master" 'show proc' | sed -n 's/.*master.*failed: \([0-9]*\).*/\1/p'; }

# states FILE SERVER…: all lines but these servers' to FILE, theirs to FILE.apart
states() {
  file=$1; shift
  rm -f "$file.new" "$file.apart"
  for socket in $sockets; do
    { printf '%s\n' "$@" .; ask "$socket" 'show servers state'; } | awk -v file="$file" '
      !said { said = $0 == "."; apart[$1]; next }
      { print >(file (($2 "/" $4) in apart ? ".apart" : ".new")) }'
    [ ! -s "$file.new" ] || return 0
  done
  return 1
}

# The file stands for as long as HAProxy reads it, or does not run: nothing may begin with an older one later
take() { # HOW VERB SOCKETS FILE SERVER…
  how=$1 verb=$2 sockets=$3 state=$4; shift 4
  [ "$verb" != reload ] || systemctl is-active -q haproxy || return 0
  was=$(worker) had=$(failed)
  if [ -n "$was" ]; then "keep_$how" "$@"; elif systemctl is-active -q haproxy; then rm -f "$state"; fi
  [ "$verb" = reload ] || systemctl reset-failed haproxy 2>/dev/null
  timeout 60 systemctl "$verb" haproxy || return
  [ -z "$was" ] || other_worker
  rm -f "$state"
}

keep_take() {
  states "$state" "$@" && mv -T "$state.new" "$state" || rm -f "$state" "$state.new"
  # what they were: the undo has need of it
  [ ! -e "$state.apart" ] || mv -T "$state.apart" "$base/armed/servers"
}

keep_back() {
  [ -e "$base/undoing/servers" ] || set -- # nothing was taken: they are what they were
  states "$state" "$@" && { [ $# = 0 ] || cat "$base/undoing/servers" >>"$state.new"; } &&
    mv -T "$state.new" "$state" || rm -f "$state" "$state.new"
  rm -f "$state.apart"
}

other_worker() { # a reload is over long after it was asked for
  polls=300
  while [ "$polls" -gt 0 ]; do
    now=$(worker) fails=$(failed)
    [ -z "$now" ] || [ "$now" = "$was" ] || return 0
    [ -z "$fails" ] || [ "$fails" = "$had" ] || return 0
    sleep 0.1; polls=$((polls - 1))
  done
}

# standing BITS VALUE SERVER…: those of which these bits of the administrative state (1 maint, 8 drain, both by
# hand) are this
standing() {
  bits=$1 value=$2; shift 2
  { printf '%s\n' "$@" .; ask "$sockets" 'show servers state'; } | awk -v bits="$bits" -v value="$value" '
    function has(state, bit) { return int(bits / bit) % 2 && int(state / bit) % 2 ? bit : 0 }
    !said { said = $0 == "."; wanted[$1]; next }
    ($2 "/" $4) in wanted && has($7, 1) + has($7, 8) == value { print $2 "/" $4 }'
}

tell() { # STATE SERVER…
  to=$1; shift
  ask "$sockets" "$(echo prompt; for server; do echo "set server $server state $to"; done; echo quit)" >/dev/null
}

drain() { # SOCKET SERVER…
  sockets=$1; shift
  # shellcheck disable=SC2046 # names have no blanks
  set -- $(standing 9 0 "$@")
  [ $# -gt 0 ] || return 0
  for server; do printf 'server\t%s\t%s\n' "$sockets" "$server"; done >>"$base/armed/items" &&
    sync "$base/armed/items" && tell drain "$@"
  left=$(standing 9 0 "$@")
  [ -z "$left" ] || { echo "could not be drained: $left"; return 1; }
}

ready() { # ITEMS
  sockets=$(sed -n "s/^server$tab\([^$tab]*\)$tab.*/\1/p" "$1" | head -n 1)
  [ -n "$sockets" ] || return 0
  # shellcheck disable=SC2046
  set -- $(sed -n "s/^server${tab}[^$tab]*$tab//p" "$1")
  # shellcheck disable=SC2046
  tell ready $(standing 9 8 "$@")
  left=$(standing 9 8 "$@")
  [ -z "$left" ] || { echo "still drained: $left"; return 1; }
}

case $1 in
  take | back) take "$@" ;;
  drain | ready) "$@" ;;
esac
