# For the scripts that test in the local cluster. Source this file after env.sh.

# lock_cluster starts the script again under a lock, so that two test runs do not
# use the local cluster at the same time: each begins by removing what looks like
# leftovers. Processes that the script starts do not inherit the lock, because the
# daemons of the cluster outlive it.
lock_cluster() { # arguments of the script…
  [ -z "${CLUSTER_LOCKED:-}" ] || return 0
  local file=${XDG_CACHE_HOME:-$HOME/.cache}/stanzaflow/tests.lock
  mkdir -p "$(dirname "$file")"
  flock --nonblock "$file" true || say "waiting: another test run uses the local cluster (pgrep -af 'flock.*tests.lock' shows which)"
  # Passes are recorded by image. With a fixed VERSION, a commit that changes only tests
  # does not change the image.
  exec env CLUSTER_LOCKED=1 VERSION=test flock --close "$file" "$0" "$@"
}
