# Asks ports, again and again, and says what became of each request: `probe BEGAN ENDED NUMBER OUTCOME`, the times
# in seconds of uptime. For bash: the arguments are the seconds between two requests and the ports, numbered from 0,
# as http/ADDRESS/PORT or tcp/ADDRESS/PORT. It ends when its input (3) ends, or says nothing for a minute; it
# writes nothing but its output, and its children end with it.
limit=3  # seconds for an answer
kept=8   # HTTP ports of which a connection is kept as well

uptime() { read -r now _ </proc/uptime; }

hundredths() { value=$((10#${1/./})); }

tell() { uptime; echo "probe $1 $now $2 $3"; } # BEGAN NUMBER OUTCOME

# mine PID: is it a child that still runs? A number alone may be another process's by now
mine() {
  read -r stat <"/proc/$1/stat" || return 1
  set -- ${stat##*) }
  [ "$1" != Z ] && [ "$2" = "$$" ]
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

# ask NUMBER KIND ADDRESS PORT: one request on a connection of its own, in a process of its own
ask() {
  exec 3<&-
  trap '' PIPE
  uptime
  began=$now answer=
  if ! exec 4<>"/dev/tcp/$3/$4"; then
    tell "$began" "$1" refused
    return
  fi
  outcome=ok
  if [ "$2" = http ]; then
    printf 'HEAD / HTTP/1.0\r\n\r\n' >&4
    IFS= read -r -t "$limit" answer <&4
    judge "$?" "$answer"
    headers
  fi
  tell "$began" "$1" "$outcome"
}

# keep NUMBER ADDRESS PORT: requests on one connection, and on a new one when that has ended
keep() {
  exec 3<&- 5<> <(:) # nothing ever comes from 5: it is waited at
  trap '' PIPE
  host=$2
  case $2 in *:*) host="[$2]" ;; esac
  while mine "$BASHPID"; do
    if exec 4<>"/dev/tcp/$2/$3"; then
      used=
      while again "$1" && mine "$BASHPID"; do used=1; read -r -t 0.5 -u 5; done
      exec 4>&-
    fi
    read -r -t 0.5 -u 5
  done
}

# again NUMBER: one more request. Does the connection stay open?
again() {
  uptime
  began=$now answer=
  printf 'HEAD / HTTP/1.1\r\nHost: %s\r\nConnection: keep-alive\r\n\r\n' "$host" >&4
  IFS= read -r -t "$limit" answer <&4
  judge "$?" "$answer"
  [ "$outcome$used" != reset1 ] || outcome=closed
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
      tell "$2" "$3" timeout
    fi
    unset "queue[head]"
    head=$((head + 1))
  done
}

main() {
  exec 2>/dev/null 9<&-
  set -f
  tick=$1; shift
  ports=("$@")
  head=0 tail=0 queue=() keepers=()
  uptime
  echo "probe ready $now"
  for number in "${!ports[@]}"; do
    IFS=/ read -r kind address port < <(echo "${ports[number]}")
    kinds[number]=$kind addresses[number]=$address numbers[number]=$port
    if [ "$kind" = http ] && [ ${#keepers[@]} -lt "$kept" ]; then
      keep "$number" "$address" "$port" &
      keepers+=("$!")
    fi
  done
  hundredths "$now"
  heard=$value
  while :; do
    read -r -N 1 -t "$tick" -u 3
    status=$?
    uptime
    hundredths "$now"
    present=$value
    if [ "$status" -eq 0 ]; then heard=$present; elif [ "$status" -le 128 ]; then break; fi
    [ $((present - heard)) -lt 6000 ] || break
    sweep
    number=$((tail % ${#ports[@]}))
    ask "$number" "${kinds[number]}" "${addresses[number]}" "${numbers[number]}" &
    queue[tail]="$! $now $number"
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
