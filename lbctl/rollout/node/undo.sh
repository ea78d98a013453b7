#!/bin/sh
# Puts this node back to where it was before lbctl touched it. Safe to run again, at any time, by anybody:
# sh /var/lib/lbctl/undo. Needs nothing but this file and the folder that it works on.
#   undo         now
#   undo at NS   now, but what all nodes take together at that instant (nanoseconds since the epoch)
#   undo wait    when the deadline passes without a confirm (lbctl-undo.service)
#   undo handover   now, but only what the nodes have for the time of a handover: the change stays armed
#   undo boot    before the daemons read their files (lbctl-undo-boot.service): starting or reloading one
#                there would wait for the boot, which waits for this
base=/var/lib/lbctl
cd "$base" || exit 1
mode=${1-now} instant=${2-0}

# whoever has drained servers goes on with other nodes, for longer than a turn takes. He beats every second, and has a
# new connection soon after 16 s of silence
attended() { [ -e armed/attended ] && [ $(($(date +%s) - $(stat -c %Y lock.info 2>/dev/null || echo 0))) -lt 20 ]; }

expired() { # a confirm takes the deadline away with everything else, by one rename
  read -r deadline boot 2>/dev/null <armed/deadline || return 1
  read -r up _ </proc/uptime
  read -r this </proc/sys/kernel/random/boot_id
  if [ "$boot" = "$this" ]; then [ "${up%.*}" -ge "$deadline" ] && ! attended; else ! soon 5; fi
}

# all nodes have taken the change, and put it back at one instant that is more than SECONDS ahead
soon() {
  [ -e armed/taken ] && read -r at <armed/at || return 1
  left=$((at / 1000000000 - $(date +%s)))
  [ "$left" -gt "$1" ] && [ "$left" -lt 3600 ]
}

[ "$mode" != boot ] || rm -f server-state # what was known of the servers then says nothing now

# put back alone, this node would hear none of the others
if [ "$mode" = boot ] && [ -d armed ] && soon 5; then systemctl --no-block start lbctl-undo.service; exit 0; fi

# a package's scripts start services, which would wait for the boot: it is installed again after that
if [ "$mode" = boot ] && grep -qs '^package' armed/items undoing/items; then
  systemctl --no-block start lbctl-undo.service
  exit 0
fi

if [ "$mode" = wait ]; then
  while [ -d armed ] && ! expired; do sleep 1; done
  [ -d armed ] || [ -d undoing ] || exit 0
fi
# a script of lbctl's may still be at work although its connection is gone; lbctl's own undo is one itself
[ -n "${lbctl_busy-}" ] || { exec 8>>busy && flock -w 90 8; } || exit 1
[ "$mode" != wait ] || [ ! -d armed ] || expired || exit 0
work=undoing
[ "$mode" != handover ] || work=armed
[ ! -d armed ] || [ "$work" = armed ] || mv -T armed undoing
[ -d "$work" ] || exit 0
[ "$mode" != wait ] || [ ! -e undoing/at ] || read -r instant <undoing/at
tab=$(printf '\t')
failed=0

note() { echo "$*"; failed=1; }

looks() { [ ! -L "$1" ] && stat -c '%a %u %g' "$1" && sha256sum <"$1"; }

put_back() { # NUMBER PATH; one that is as it was is left alone: its disk may be full
  new=${2%/*}/.${2##*/}.lbctl-undo
  rm -f "${2%/*}/.${2##*/}.lbctl-new"
  [ ! -f "$2" ] || [ "$(looks "$2")" != "$(looks "undoing/$1")" ] || return 0
  copy "undoing/$1" "$new" && mv -T "$new" "$2" || { rm -f "$new"; note "$2 could not be put back"; }
}

copy() { # a full disk has no room for one, and for a second name of what is there already it has
  cp -a "$1" "$2" && sync "$2" && return
  rm -f "$2"
  ln "$1" "$2"
}

set_sysctl() {
  case $1 in */*) path=/proc/sys/$1 ;; *) path=/proc/sys/$(printf %s "$1" | tr . /) ;; esac
  printf '%s\n' "$2" >"$path" || note "$1 could not be set to $2"
}

off_lo() { # ADDRESS/PREFIX
  ip addr del "$1" dev lo 2>/dev/null
  [ -z "$(ip -o addr show dev lo to "$1")" ] || note "$1 could not be taken off lo"
}

# an interface that is not there yet has no setting that was not there
set_arp() { [ ! -e "/proc/sys/$1" ] || set_sysctl "$1" "$2"; }

drop_table() { # FAMILY
  nft delete table "$1" lbctl_handover 2>/dev/null
  ! nft list table "$1" lbctl_handover >/dev/null 2>&1 || note "table $1 lbctl_handover could not be deleted"
}

service() { # UNIT ENABLED ACTIVE, as they were
  if [ "$mode" = boot ]; then
    case $2 in enabled) systemctl -q --root=/ enable "$1" ;; disabled) systemctl -q --root=/ disable "$1" ;; esac
    # one that was disabled meanwhile is no part of this boot: it is asked for, and not waited for
    case $3 in active|reloading) systemctl --no-block start "$1" ;; *) systemctl --no-block stop "$1" ;; esac
    return 0
  fi
  case $2 in
    enabled) systemctl -q is-enabled "$1" || systemctl -q enable "$1" ;;
    disabled) ! systemctl -q is-enabled "$1" || systemctl -q disable "$1" ;;
  esac
  case $3 in
    active|reloading) systemctl -q is-active "$1" || { systemctl reset-failed "$1"; systemctl start "$1"; } ;;
    *) systemctl stop "$1"; systemctl reset-failed "$1" 2>/dev/null ;;
  esac || note "$1 could not be made $3"
}

begin() { # VERB UNIT; HAProxy with what it knows of its servers now
  known=$(grep "^state$tab" undoing/items) && [ "$2" = haproxy ] || { timeout 60 systemctl "$1" "$2"; return; }
  printf '%s\n' "$known" | {
    IFS=$tab read -r _ sockets file servers
    [ "$servers" != - ] || servers=
    # shellcheck disable=SC2086 # BACKEND/SERVER, one word each
    sh ./servers back "$1" "${sockets#-}" "$file" $servers
  }
}

effect() { # UNIT IMPACT WAS: the old files are in place, and the daemon has to take them
  [ "$mode" != boot ] || return 0
  verb=$2
  if ! systemctl -q is-active "$1"; then
    systemctl reset-failed "$1" 2>/dev/null
    [ "$3" = active ] || return 0
    verb=start
  fi
  # one that is started is no sooner in the election than those that go on
  # what was not taken yet is no other virtual router: whoever has the VIP may lose it to a better node
  if [ "$1" = keepalived ] && [ -e undoing/together ] && [ -e undoing/taken ]; then
    sh ./take "$verb" "$instant" undoing/together && return 0
  fi
  begin "$verb" "$1" || { systemctl reset-failed "$1"; begin restart "$1"; } ||
    note "$1 could not be made to take its old files"
}

each() { # VERB FUNCTION, the last item first; one that fails keeps none of the others
  tac "$work/items" | {
    failed=0
    while IFS=$tab read -r verb first second third; do
      [ "$verb" != "$1" ] || "$2" "$first" "$second" "$third" || failed=1
    done
    [ "$failed" = 0 ]
  } || failed=1
}

package() { # NAME VERSION: as it was, from the file that was kept, and running; one that was never touched goes on
  if [ "$(dpkg-query -W -f '${Version} ${db:Status-Abbrev}' "$1")" != "$2 ii " ]; then
    if [ -e "undoing/$1.deb" ]; then
      dpkg_install "undoing/$1.deb" || note "$1 $2 could not be installed again"
    else
      echo "$1 $2 could not be kept: it stays at what it is"
    fi
  fi
  runs_installed "$1" || effect "$1" restart active
}

dpkg_install() { # FILE; another apt may be at work
  tries=6
  until DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold -i "$1" </dev/null; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 5
  done
  # dpkg's record of the same second and size is the one that apt knows already, it thinks (seen)
  rm -f /var/cache/apt/pkgcache.bin
}

runs_installed() { # UNIT: is the binary of its main process the one on disk?
  process=/proc/$(systemctl show -p MainPID --value "$1")
  exe=$(readlink "$process/exe") && cmp -s "$process/exe" "${exe% (deleted)}"
}

remove() { rm -f "$2" "${2%/*}/.${2##*/}.lbctl-new"; }
drain() { printf '%s\n' "$1" >drain; }

# the address before the settings: the other way round ARP is answered for it, and the VIP's clients come here
each lo off_lo
each arp set_arp
each table drop_table
[ "$mode" != handover ] || exit "$failed"
each file put_back
each absent remove
each sysctl set_sysctl
[ ! -e undoing/daemon-reload ] || [ "$mode" = boot ] || systemctl daemon-reload
each package package
each effect effect
each service service
[ "$mode" = boot ] || sh ./servers ready undoing/items || failed=1
each drain drain
[ "$failed" = 0 ] || { echo "look at $base/undoing, mend, and run this again"; exit 1; }
rm -f server-state
id=$(cat undoing/id)
printf '%s %s undone %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$id" "$mode" >>journal
rm -rf "$base/stage" "$base"/undone.*
mv -T undoing "undone.$id"
