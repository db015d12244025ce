# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Shared by the lab's scripts: where things are, and how to talk to the user.

# shellcheck disable=SC2034 # used by the scripts that source this file
src=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
cache=${VPC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vfio-pci-core}
mkdir -p "$cache"

say() { printf '%s\n' "lab: $*" >&2; }
die() { say "$*"; exit 2; }

# key FILE-OR-TEXT... : a short name for the content something is made from
key() {
	for _part; do
		if [ -f "$_part" ]; then cat "$_part"; else printf '%s\n' "$_part"; fi
	done | sha256sum | cut -c1-12
}

# in_ns CMD... : run CMD as root of a private mount and PID namespace
in_ns() {
	local flags=(--mount --pid --fork --kill-child --propagation private)
	[ "$(id -u)" = 0 ] || flags+=(--user --map-root-user --map-auto)
	unshare "${flags[@]}" "$@"
}

# lock NAME : hold a lock on something in the cache until this process ends
lock() {
	exec {_lockfd}>"$cache/.lock-$1"
	flock -n "$_lockfd" && return
	say "another process is making $1, waiting for it"
	flock "$_lockfd"
}
