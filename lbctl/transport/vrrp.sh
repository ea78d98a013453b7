# The rest of the node's function library (node.sh comes before it): who has the VIP, and how it moves.

# ---- VRRP: the drain file that keepalived tracks

set_drain() { make_base && printf '%s\n' "$1" >"$base/drain" && sync "$base/drain"; }

# write_drain_record SHA256 <record: whose wish an operator's drain is
write_drain_record() {
  make_base && (umask 077; cat >"$base/drain.json.new") && [ "$(digest "$base/drain.json.new")" = "$1" ] &&
    sync "$base/drain.json.new" && mv -T "$base/drain.json.new" "$base/drain.json" ||
    { rm -f "$base/drain.json.new"; fail "could not write $base/drain.json: is the disk full?"; }
}

drop_drain_record() { rm -f "$base/drain.json"; }

# hear_adverts SECONDS FAMILY/PROTOCOL/GROUP/INTERFACE…: what comes in there, all at once, a line each: `advert`,
# interface, source, destination, TTL, bytes. A raw socket hears what keepalived's own would: behind the firewall, from
# its interface alone; it is a member of the group for as long as it listens
hear_adverts() { # an advert may hold a password: where one place cannot be heard, none is part of what is said
  said=$(hear_all "$@") || { printf '%s\n' "$said" | grep -v '^advert '; return 1; }
  printf '%s\n' "$said"
}

hear_all() {
  seconds=$1; shift
  for place in "$@"; do hear_on "$seconds" "$place" 2>&1 & heard="${heard-} $!"; done
  deaf=0
  for pid in ${heard-}; do wait "$pid" || deaf=1; done
  return "$deaf"
}

hear_on() {
  protocol=${2#*/} group=${2#*/*/} dev=${2##*/}
  protocol=${protocol%%/*} group=${group%%/*}
  [ -e "/sys/class/net/$dev" ] || fail "there is no interface $dev" || return 1
  case $2 in
    4/*) from="IP4-RECVFROM:$protocol,ip-add-membership=$group:$dev,ip-pktinfo,ip-recvttl" ;;
    *) from="IP6-RECVFROM:$protocol,ipv6-join-group=[$group]:$dev,ipv6-recvpktinfo,ipv6-recvhoplimit" ;;
  esac
  # shellcheck disable=SC2016  # for the shell that gets the packet, without a file's name for a bracket
  packet='set -f; echo advert $SOCAT_IP_IF$SOCAT_IPV6_IF $SOCAT_PEERADDR $SOCAT_IP_DSTADDR$SOCAT_IPV6_DSTADDR'
  packet="$packet "'$SOCAT_IP_TTL$SOCAT_IPV6_HOPLIMIT $(od -An -v -tx1)'
  timeout "$1" socat -u "$from,so-bindtodevice=$dev,fork" "SYSTEM:$packet"
  [ $? = 124 ] # as long as it was told to
}

# ---- a handover that cuts no connection: what each node has for the time of it. Every part is noted for the
# undo in what is armed before it is made; the same part twice is undone to what was before the first

# note_part VERB WORD…
note_part() {
  part=$1; shift
  { printf %s "$part"; printf '\t%s' "$@"; echo; } >>"$base/armed/items" && sync "$base/armed/items"
}

# send_on FAMILY… <rules: packets of connections that another node has are its own; see host/handover.py
send_on() {
  for family; do note_part table "$family" || return 1; done
  nft -f -
}

# answer_on_lo DEVICE ADDRESS/PREFIX…: for the connections to these addresses, and for nobody's ARP once the device
# has them no more
answer_on_lo() {
  conf=net/ipv4/conf/$1; shift
  for key in arp_ignore arp_announce; do note_part arp "$conf/$key" "$(cat "/proc/sys/$conf/$key")" || return 1; done
  for vip; do note_part lo "$vip" || return 1; done
  echo 1 >"/proc/sys/$conf/arp_ignore" && echo 2 >"/proc/sys/$conf/arp_announce" || return 1
  for vip; do
    case $vip in *:*) ip addr replace "$vip" dev lo nodad ;; *) ip addr replace "$vip" dev lo ;; esac || return 1
  done
}

# end_handover: all of that goes; what else is armed stays so
end_handover() { sh "$base/undo" handover; }

# disarm ID: nothing of it is left that an undo would have to put back
disarm() {
  rm -rf "$base/txn"
  [ "$(cat "$base/armed/id" 2>/dev/null)" != "$1" ] || { mv -T "$base/armed" "$base/txn" && rm -rf "$base/txn"; }
}

# ---- keepalived's counters

# vrrp_counters: of adverts that it refused, a line each: `instance NAME`, then `COUNTER NUMBER`; or `off WHY`. The
# one question that signals a daemon: its program says itself with which signal it wants to be asked, and the process
# has to be that program, and neither it nor a child of it may be one that the signal would end. What else is in its
# answer, passwords in some builds, stays on the node
vrrp_counters() {
  pid=$(systemctl show -p MainPID --value keepalived.service)
  [ "${pid:-0}" != 0 ] || { echo "off keepalived does not run"; return 0; }
  program=$(readlink "/proc/$pid/exe")
  [ "$program" = "$(readlink -f "$(command -v keepalived)")" ] ||
    { echo "off it runs another program than the one installed"; return 0; }
  number=$("$program" --help 2>&1 | grep -q -e --signum && "$program" --signum=JSON 2>/dev/null)
  case $number in
    3[4-9] | [45][0-9] | 6[0-4]) ;;
    *) echo "off it is built without JSON"; return 0 ;;
  esac
  for process in "$pid" $(cat "/proc/$pid/task/$pid/children"); do
    waits_for "$number" "$process" || { echo "off process $process does not wait for signal $number"; return 0; }
  done
  answer=/proc/$pid/root/tmp/keepalived.json
  rm -f "$answer" && kill -"$number" "$pid" || return 1
  polls=30
  until tail -c 2 "$answer" 2>/dev/null | grep -q '[]}]' || [ "$polls" = 0 ]; do
    sleep 0.1; polls=$((polls - 1))
  done
  [ "$polls" != 0 ] || { rm -f "$answer"; echo "off it did not answer"; return 0; }
  tr ',{}[]' '\n' <"$answer" | sed -n 's/^ *"iname": *"\(.*\)"$/instance \1/p
    s/^ *"\([a-z_]*\)": *\([0-9][0-9]*\)$/\1 \2/p' | grep -E '^(instance|[a-z_]*(_err|mismatch|failure|invalid_[a-z_]*)) '
  rm -f "$answer"
}

# waits_for SIGNAL PID: is it caught, ignored, or blocked until it is read? A signal above 32 is in the upper half of
# each mask
waits_for() {
  for mask in $(sed -n 's/^Sig\(Blk\|Ign\|Cgt\):[[:space:]]*//p' "/proc/$2/status"); do
    [ $((0x${mask%????????} >> ($1 - 33) & 1)) = 0 ] || return 0
  done
  return 1
}
