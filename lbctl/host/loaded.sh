# What the running daemons have read of their files. For each unit: of UNIT, then files HOW PATH… of those that it
# reads. $what = look: a line for each, `UNIT HOW READ WRITTEN NOTED PATH`, times in seconds since the epoch, NOTED
# same, other, unknown or none. $what = note: what is known to be read by the process that runs, `UNIT HOW PROCESS
# DIGEST PATH`, so that a file's times need say nothing. Of a file in $recorded, or in $adopted, which an apply finds as
# it shall be and has nobody load, DIGEST is other, or unknown, where it is newer than what was read. $noted goes with a
# reboot, as the processes do
noted=/run/lbctl-loaded

# shellcheck disable=SC2154  # $what is set by the caller

# of UNIT: and of it itself: `unit`, where systemd has not read its files; `program`, where it runs another one than
# is installed
of() {
  unit=$1
  shown=$(systemctl show -p MainPID -p StateChangeTimestampMonotonic -p NeedDaemonReload "$unit.service")
  main=$(property MainPID)
  case $what in
    note) note_unit ;;
    look) look_unit; look_program ;;
  esac
}

property() { echo "$shown" | sed -n "s/^$1=//p"; }

of_unit() { sed -n "s/^$unit unit - \(.*\) .*/\1/p" "$noted" 2>/dev/null; }

note_unit() {
  digest=$(of_unit)
  [ "$(property NeedDaemonReload)" = yes ] || digest=$(systemctl cat "$unit.service" | sha256sum | cut -d' ' -f1)
  [ -z "$digest" ] || echo "$unit unit - $digest $unit.service"
}

look_unit() {
  [ "$(property NeedDaemonReload)" = yes ] || return 0
  case $(of_unit) in
    '') state=none ;;
    "$(systemctl cat "$unit.service" | sha256sum | cut -d' ' -f1)") state=same ;;
    *) state=other ;;
  esac
  echo "$unit unit 0 0 $state $unit.service"
}

look_program() {
  [ "${main:-0}" != 0 ] && program=$(readlink "/proc/$main/exe") || return 0
  installed=${program% (deleted)}
  [ "$installed" = "$program" ] || cmp -s "/proc/$main/exe" "$installed" || echo "$unit program 0 0 other $installed"
}

# begun HOW: what runs, and the ms since boot when it read what it reads. HAProxy reads at the start of its youngest
# worker; another daemon at its last reload, as systemd saw it; what only a restart takes, at the start of the main one
begun() {
  [ "${main:-0}" != 0 ] || return 1
  case $unit.$1 in
    haproxy.reload) youngest ;;
    *.reload) at=$(property StateChangeTimestampMonotonic); echo "$main.$at ${at%???}" ;;
    *) at=$(since_boot "$main") && echo "$main.$at $at" ;;
  esac
}

youngest() {
  read -r name <"/proc/$main/comm" || return 1
  for pid in "$main" $(cat "/proc/$main/task/$main/children"); do
    read -r own <"/proc/$pid/comm" && [ "$own" = "$name" ] && at=$(since_boot "$pid") && echo "$at $pid"
  done 2>/dev/null | sort -n | tail -n 1 | { read -r at pid && echo "$pid.$at $at"; }
}

# since_boot PID: when it began, in ms
since_boot() {
  read -r line <"/proc/$1/stat" || return 1
  # shellcheck disable=SC2086  # the fields after the name, of which the first is the third; ticks are of 10 ms
  set -- ${line##*) }
  echo "${20}0"
}

files() {
  how=$1; shift
  runs=$(begun "$how") || return 0
  read -r up _ </proc/uptime
  at=$(($(date +%s%3N) - ${up%.*}${up#*.}0 + ${runs#* }))
  {
    sed 's/^/noted /' "$noted"
    stat -c 'written %.3Z %n' "$@"
    sha256sum "$@"
  } 2>/dev/null | awk -v what="$what" -v unit="$unit" -v how="$how" -v process="${runs% *}" \
    -v recorded=" ${recorded-} " -v adopted=" ${adopted-} " -v at="${at%???}.${at#"${at%???}"}" '
    function after(words, rest) {
      rest = $0
      while (words-- > 0) sub(/^[^ ]+ +/, "", rest)
      return rest
    }
    $1 == "noted" { if ($2 == unit && $3 == how && $4 == process) was[after(5)] = $5; next }
    $1 == "written" { names[++count] = after(2); written[after(2)] = $2; next }
    { now[after(1)] = $1 }
    function stands(name) {
      if (!(name in was)) return "none"
      return was[name] == now[name] ? "same" : was[name] == "unknown" ? "unknown" : "other"
    }
    function doubt(name) {
      if (name in was) return was[name]
      return index(recorded, " " name " ") ? "other" : index(adopted, " " name " ") ? "unknown" : ""
    }
    END {
      for (n = 1; n <= count; n++) {
        name = names[n]
        if (what == "look") print unit, how, at, written[name], stands(name), name
        else if (stands(name) == "same" || written[name] + 0 <= at + 0) print unit, how, process, now[name], name
        else if (doubt(name)) print unit, how, process, doubt(name), name
      }
    }'
}
