#!/bin/sh
# Has keepalived take its file at an instant that is the same on every node.
#   take VERB AT LIST
#   VERB  reload or restart; start for the undo of one that died
#   AT    the instant, in nanoseconds since the epoch by this node's clock; one that has passed is now
#   LIST  a file. Its first line: how many seconds an election may take. Then, a line each, the addresses
#         whose virtual router is another one afterwards: ADDRESS/PREFIX and its instances' names, by tabs.
# keepalived drops such an address and elects anew. A node that has one keeps it meanwhile, so that clients are
# answered; a node that has none is held out of that election. Says: took NANOSECONDS, kept ADDRESS.
verb=$1 at=$2 list=$3
base=/var/lib/lbctl
tab=$(printf '\t')
run=$(mktemp -d /run/lbctl-take.XXXXXX) || exit 1
drain=
began=$(date +%s)
IFS= read -r seconds <"$list" || exit 1

# who has it shows it on an interface; on lo it answers for it, and is no holder
device() { ip -o addr show to "${1%/*}" | awk '$2 != "lo" { print $2; exit }'; }

on_lo() { case $1 in *:*) echo "${1%/*}/128 dev lo nodad" ;; *) echo "${1%/*}/32 dev lo" ;; esac; }

again() { case $1 in *:*) echo "$1 dev $2 nodad" ;; *) echo "$1 dev $2" ;; esac; }

# keepalived drops the address, and finds it there again when it becomes MASTER; between them lo has it. The
# ip that puts it back runs already and waits for its line (measured: 1 to 5 ms, on a busy machine 90)
keep() { # NUMBER ADDRESS DEVICE NAMES
  place=$(again "$2" "$3")
  printf '%s\t%s\t%s\n' "$2" "$3" "$4" >"$run/$1"
  # shellcheck disable=SC2046 # words of ip's own, made above
  ip addr add $(on_lo "$2") 2>/dev/null
  {
    timeout "$((${seconds%.*} + 620))" ip -o monitor address dev "$3" & echo $! >"$run/$1.monitor"
    wait
  } 8>&- 9>&- | while read -r line; do
    case $line in Deleted*" $2 "*) echo "address add $place" && : >"$run/$1.again" && break ;; esac
  done 8>&- 9>&- | ip -batch - 8>&- 9>&- &
  echo "kept $2"
}

elected() { # NAMES: has this node's keepalived become MASTER since?
  journalctl -q --no-pager -o cat -u keepalived --since "@$began" >"$run/said"
  printf '%s\n' "$1" | tr '\t' '\n' | while read -r name; do
    ! grep -qF "($name) Entering MASTER STATE" "$run/said" || echo yes
  done | grep -q yes
}

release() {
  for item in "$run"/[0-9]*; do
    case $item in *.again|*.monitor|*'*') continue ;; esac
    IFS=$tab read -r address device names <"$item"
    kill "$(cat "$item.monitor")" 2>/dev/null
    # another node was elected: it has the address, and keepalived here does not know of ours
    # shellcheck disable=SC2046
    [ ! -e "$item.again" ] || elected "$names" || ip addr del $(again "$address" "$device" | sed 's/ nodad//')
    # shellcheck disable=SC2046
    ip addr del $(on_lo "$address" | sed 's/ nodad//')
  done
  [ -z "$drain" ] || printf '%s\n' "$drain" >"$base/drain"
  rm -rf "$run"
}
trap release EXIT
trap 'exit 143' INT TERM HUP

# one that boots from here on goes on with the new file, as the others do
[ ! -d "$base/armed" ] || { : >"$base/armed/taken" && sync "$base/armed"; }
number=0
{
  read -r _
  while IFS=$tab read -r address names; do
    device=$(device "$address")
    [ -z "$device" ] || keep $((number += 1)) "$address" "$device" "$names"
  done
} <"$list"
if [ "$number" = 0 ] && [ "$(wc -l <"$list")" -gt 1 ]; then
  drain=$(cat "$base/drain" 2>/dev/null || echo 0)
  echo -253 >"$base/drain"
fi
[ "$number" = 0 ] || sleep 0.2 # the monitors listen by then

left=$((at - $(date +%s%N)))
[ "$left" -le 0 ] || [ "$left" -gt 600000000000 ] || # a clock that has jumped is no reason to wait
  sleep "$((left / 1000000000)).$(printf %09d $((left % 1000000000)))"
# whoever wanted it is dead, and another node may not have been told: it would be the only one
[ ! -d "$base/armed" ] || ! flock -n "$base/lock" true || { rm -f "$base/armed/taken"; exit 1; }
echo "took $(date +%s%N)"
timeout 60 systemctl "$verb" keepalived || exit
[ "$(wc -l <"$list")" -le 1 ] || sleep "$seconds"
