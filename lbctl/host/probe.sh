# Asks ports, again and again, and says what became of each request: `probe BEGAN ENDED NUMBER OUTCOME`, the times
# in seconds of uptime. For bash: the arguments are the seconds between two requests, of how many HTTP ports a
# connection is kept as well, and the ports, numbered from 0,
# as http/ADDRESS/PORT/MARK or tcp/…, MARK being the address as the kernel lists it. It ends when its input (3) ends, or says nothing for a minute; it
# writes nothing but its output, and its children end with it.
limit=3 # seconds for an answer

uptime() { read -r now _ </proc/uptime; }

hundredths() { value=$((10#${1/./})); }

tell() { uptime; echo "probe $1 $now $2 $3"; } # BEGAN NUMBER OUTCOME

# mine PID: is it a child that still runs? A number alone may be another process's by now
mine() {
  read -r stat <"/proc/$1/stat" || return 1
  set -- ${stat##*) }
  [ "$1" != Z ] && [ "$2" = "$$" ]
}

# here MARK: is the address this node's own?
here() {
  case $1 in
    *.*) IFS= read -r -d '' all </proc/net/fib_trie; [[ $all =~ "-- $1"$'\n'[[:space:]]+"/32 host LOCAL" ]] ;;
    *) IFS= read -r -d '' all </proc/net/if_inet6; [[ $all == *"$1"* ]] ;;
  esac
}

# moved MARK BEFORE: has the address come here, or gone, since? What was under way to it then is lost for this
# node alone: to every other client it is the same address all the time
moved() {
  here "$1"
  [ "$?" != "$2" ]
}

# judge STATUS LINE: what `read` and the first line of an answer say
judge() {
  case $2 in
    HTTP/*\ 50[234]*) outcome=status-${2:9:3} ;;
    HTTP/*) outcome=ok ;;
    ?*) outcome=garbled ;;
    *) if [ "$1" -gt 128 ]; then outcome=timeout; else outcome=reset; fi ;;
  esac
}

# headers: the rest of an answer to HEAD. Does the connection stay open?
headers() {
  stays=0
  while IFS= read -r -t "$limit" line <&4; do
    case ${line,,} in
      $'\r') return "$stays" ;;
      connection:*close*) stays=1 ;;
    esac
  done
  return 1
}

# ask NUMBER KIND ADDRESS PORT MARK: one request on a connection of its own, in a process of its own
ask() {
  exec 3<&-
  trap '' PIPE
  uptime
  began=$now answer= outcome=ok
  if ! exec 4<>"/dev/tcp/$3/$4"; then
    outcome=refused
  elif [ "$2" = http ]; then
    printf 'HEAD / HTTP/1.0\r\n\r\n' >&4
    IFS= read -r -t "$limit" answer <&4
    judge "$?" "$answer"
    headers
  fi
  [ "$outcome" = ok ] || ! moved "$5" "${own[$5]}" || return
  tell "$began" "$1" "$outcome"
}

# keep NUMBER ADDRESS PORT MARK: requests on one connection, and on a new one when that has ended
keep() {
  exec 3<&- 5<> <(:) # nothing ever comes from 5: it is waited at
  trap '' PIPE
  host=$2
  case $2 in *:*) host="[$2]" ;; esac
  while mine "$BASHPID"; do
    here "$4"
    was=$?
    if exec 4<>"/dev/tcp/$2/$3"; then
      used=
      while again "$1" "$4" && mine "$BASHPID"; do
        used=1
        read -r -t 0.5 -u 5
        ! moved "$4" "$was" || break
      done
      exec 4>&-
    fi
    read -r -t 0.5 -u 5
  done
}

# again NUMBER MARK: one more request. Does the connection stay open?
again() {
  uptime
  began=$now answer=
  printf 'HEAD / HTTP/1.1\r\nHost: %s\r\nConnection: keep-alive\r\n\r\n' "$host" >&4
  IFS= read -r -t "$limit" answer <&4
  judge "$?" "$answer"
  [ "$outcome$used" != reset1 ] || outcome=closed
  [ "$outcome" = ok ] || ! moved "$2" "$was" || return 1
  tell "$began" "$1" "$outcome"
  headers
}

# sweep: forget those that have ended, and end those that cannot connect; the oldest come first
sweep() {
  while [ "$head" -lt "$tail" ]; do
    set -- ${queue[head]}
    if mine "$1"; then
      hundredths "$2"
      [ $((present - value)) -ge $((limit * 100 + 50)) ] || return 0
      kill -9 "$1"
      moved "${marks[$3]}" "$4" || tell "$2" "$3" timeout
    fi
    unset "queue[head]"
    head=$((head + 1))
  done
}

# look: which of the addresses are this node's own, now
look() {
  for mark in "${marks[@]}"; do own[$mark]=; done
  for mark in "${!own[@]}"; do here "$mark"; own[$mark]=$?; done
  looked=$present
}

main() {
  exec 2>/dev/null 9<&-
  set -f
  tick=$1 kept=$2; shift 2
  ports=("$@")
  head=0 tail=0 queue=() keepers=()
  uptime
  echo "probe ready $now"
  for number in "${!ports[@]}"; do
    IFS=/ read -r kind address port mark < <(echo "${ports[number]}")
    kinds[number]=$kind addresses[number]=$address numbers[number]=$port marks[number]=$mark
    if [ "$kind" = http ] && [ ${#keepers[@]} -lt "$kept" ]; then
      keep "$number" "$address" "$port" "$mark" &
      keepers+=("$!")
    fi
  done
  hundredths "$now"
  heard=$value present=$value
  declare -A own
  look
  while :; do
    read -r -N 1 -t "$tick" -u 3
    status=$?
    uptime
    hundredths "$now"
    present=$value
    if [ "$status" -eq 0 ]; then heard=$present; elif [ "$status" -le 128 ]; then break; fi
    [ $((present - heard)) -lt 6000 ] || break
    [ $((present - looked)) -lt 25 ] || look
    sweep
    number=$((tail % ${#ports[@]}))
    mark=${marks[number]}
    ask "$number" "${kinds[number]}" "${addresses[number]}" "${numbers[number]}" "$mark" &
    queue[tail]="$! $now $number ${own[$mark]}"
    tail=$((tail + 1))
  done
  for one in "${keepers[@]}"; do mine "$one" && kill "$one"; done
  while [ "$head" -lt "$tail" ]; do # what is under way may still end
    sweep
    sleep 0.05
    uptime
    hundredths "$now"
    present=$value
  done
}

main "$@"
exit 0
