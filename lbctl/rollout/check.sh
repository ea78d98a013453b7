# sh -s -- STAGE DAEMON…, in a mount namespace of its own: what the daemons' own checks say of the files
# that are there, and then of the candidates, which for this process alone stand in their real places.
# Prints `WHEN DAEMON STATUS BASE64` a line. Everything mounted here is gone with the process.
stage=$1; shift
tab=$(printf '\t')

settings() { # the unit's own environment: a check with other options is another check
  set -a
  for f in "/etc/default/$1" "/etc/sysconfig/$1"; do [ ! -r "$f" ] || . "$f"; done
  set +a
}

check() {
  settings "$1"
  case $1 in
    haproxy)
      [ -e "${CONFIG:=/etc/haproxy/haproxy.cfg}" ] || return 90
      timeout 20 haproxy -c -f "$CONFIG" ${EXTRAOPTS-} ${OPTIONS-} ;;
    keepalived)
      # -t says 0 of a file that is not there
      [ -e /etc/keepalived/keepalived.conf ] || return 90
      timeout 20 keepalived -t -f /etc/keepalived/keepalived.conf ${DAEMON_ARGS-} ${KEEPALIVED_OPTIONS-} ;;
  esac
}

say() { # WHEN DAEMON
  out=$( { (check "$2") 2>&1; printf '\n%s' "$?"; } | base64 -w0)
  printf '%s %s %s\n' "$1" "$2" "$out"
}

show() { # PATH: make its folder this process's own
  top=${1%/*}
  while [ ! -d "$top" ]; do top=${top%/*}; done
  [ -n "$top" ] || { echo "the folder of $1 does not exist"; exit 1; }
  case " $shown " in *" $top "*) ;; *)
    count=$((count + 1)); mkdir "$view/$count"
    cp -a "$top/." "$view/$count/" && mount --bind "$view/$count" "$top" || exit 1
    shown="$shown $top" ;;
  esac
  mkdir -p "${1%/*}"
}

for daemon; do say before "$daemon"; done
view=$stage/view; shown=; count=0
mkdir -p "$view" && mount -t tmpfs -o mode=0700 lbctl "$view" || exit 1
while IFS=$tab read -r number mode owner group path; do
  show "$path"
  if [ "$number" = - ]; then rm -f "$path"; continue; fi
  rm -f "$path"
  cp "$stage/$number" "$path" && chown "$owner:$group" "$path" && chmod "$mode" "$path" || exit 1
done <"$stage/list"
for daemon; do say after "$daemon"; done
