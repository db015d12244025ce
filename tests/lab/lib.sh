# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Shared by the lab's scripts: where things are, and how to talk to the user.

# shellcheck disable=SC2034 # used by the scripts that source this file
src=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
cache=${VPC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vfio-pci-core}
mkdir -p "$cache"

say() { printf '%s\n' "lab: $*" >&2; }
die() { say "$*"; exit 2; }

# slowness : by how much time limits are stretched: 1 on a machine of our own,
# more where processors are shared with others' work (VPC_SLOW overrides), with whom
# it may come to be shared (VPC_SLOW_LEAST)
slowness() {
	[ -z "${VPC_SLOW-}" ] || { echo "$VPC_SLOW"; return; }
	awk -v cpus="$(nproc)" -v least="${VPC_SLOW_LEAST:-1}" '{ n = int($1 / cpus + 0.5)
		print (n < least ? least : n > 5 ? 5 : n) }' /proc/loadavg
}

# key FILE-OR-TEXT... : a short name for the content something is made from
key() {
	for _part; do
		if [ -f "$_part" ]; then cat "$_part"; else printf '%s\n' "$_part"; fi
	done | sha256sum | cut -c1-12
}

# build_dir NAME : where this checkout is built for NAME (a kernel and its release),
# below the cache. Each checkout has its own: objects that are newer than another
# checkout's sources would pass for built from them.
build_dir() { echo "build/$1-$(key "$src")"; }

# in_ns CMD... : run CMD as root of a private mount and PID namespace, of which
# nothing is left when unshare is killed. exec_ns does so in place of the caller.
in_ns() { (exec_ns "$@"); }
exec_ns() {
	local flags=(--mount --pid --fork --kill-child --propagation private)
	[ "$(id -u)" = 0 ] || flags+=(--user --map-root-user --map-auto)
	exec unshare "${flags[@]}" "$@"
}

# lock NAME : hold a lock on something in the cache until this process ends
lock() {
	exec {_lockfd}>"$cache/.lock-$1"
	flock -n "$_lockfd" && return
	say "another process is making $1, waiting for it"
	flock "$_lockfd"
}

# kernel_env NAME : find (and make, when needed) one of the lab's kernels.
# Sets, as paths inside the lab: krel (release), vmlinuz, kdir (headers or
# build tree), klayer (directory that holds usr/lib/modules/RELEASE).
# A kernel other than stock comes from tests/lab/kernel-NAME, which prints the
# directory it made in the cache: vmlinuz, release, build, usr/lib/modules.
kernel_env() {
	local root dir
	root=$("$src/tests/lab/rootfs")
	if [ "$1" = stock ]; then
		krel=$(basename "$root"/usr/lib/modules/*-amd64)
		vmlinuz=/boot/vmlinuz-$krel
		kdir=/usr/lib/modules/$krel/build
		klayer=/lab/root
		return
	fi
	[ -x "$src/tests/lab/kernel-$1" ] || die "there is no kernel named $1"
	dir=$("$src/tests/lab/kernel-$1")
	krel=$(cat "$dir/release")
	klayer=/cache/${dir#"$cache"/}
	vmlinuz=$klayer/vmlinuz
	kdir=$klayer/build
}
