# For the scripts that test in the local cluster. Source me after env.sh.

# lock_cluster starts the script again under a lock, so that two test runs do not
# use the local cluster at the same time: each begins by removing what it takes for
# leftovers. What the script starts does not inherit the lock: the daemons of the
# cluster live longer.
lock_cluster() { # arguments of the script…
  [ -z "${CLUSTER_LOCKED:-}" ] || return 0
  local file=${XDG_CACHE_HOME:-$HOME/.cache}/stanzaflow/tests.lock
  mkdir -p "$(dirname "$file")"
  flock --nonblock "$file" true || say "waiting: another test run uses the local cluster (pgrep -af 'flock.*tests.lock' shows which)"
  # What has passed is kept by the image, and a commit of a test makes no other.
  exec env CLUSTER_LOCKED=1 VERSION=test flock --close "$file" "$0" "$@"
}
