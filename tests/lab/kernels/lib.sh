# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Shared by what makes kernels for the lab (tests/lab/kernel-NAME).
#
# A kernel is a directory of the cache with
#   vmlinuz, release       what QEMU boots, and what it calls itself
#   build/                 what external modules are built against
#   usr/lib/modules/       laid over the root file system of the machine
# A link kernel-NAME points to the one that was asked for last.

# shellcheck disable=SC2034,SC2154 # used by, and set in, the scripts around
here=$src/tests/lab/kernels
# Lists and packages are fetched without touching those of the root, which has
# none: it must stay what its name in the cache says.
lists=/tmp/lists

# stock_version : the Debian version of the stock kernel in the lab's root
stock_version() {
	awk '/^Package: / { p = $2 } p == "linux-image-amd64" && /^Version: / { print $2 }' \
		"$("$src/tests/lab/rootfs")/var/lib/dpkg/status"
}

# cached_kernel NAME KEY SCRIPT ARGUMENT... : print where the kernel is in the
# cache; if it is not there, SCRIPT, run in the lab's root with a directory to
# fill as its first argument, makes it.
cached_kernel() {
	local name=kernel-$1-$2 dir=$cache/kernel-$1-$2 made=$3 tmp
	shift 3
	if [ ! -d "$dir" ]; then
		lock "$name"
	fi
	if [ ! -d "$dir" ]; then
		tmp=$dir.tmp
		# shellcheck disable=SC2064 # the name as it is now
		trap "in_ns rm -rf --one-file-system '$tmp'" EXIT
		in_ns rm -rf --one-file-system "$tmp"
		mkdir -p "$tmp"
		"$src/tests/lab/enter" "$made" "/cache/$name.tmp" "/cache/$name" "$@" >&2
		mv -T "$tmp" "$dir"
		trap - EXIT
		say "kernel ready: $dir"
	fi
	printf '%s\n' "$dir"
}

# --- what the scripts in the lab's root use -----------------------------------

# apt_for SUITE COMMAND... : apt-get or apt-cache with the packages of SUITE
apt_for() {
	local suite=$1 mirror
	shift
	mirror=$(awk '$1 == "deb" { print $2; exit }' /etc/apt/sources.list)
	echo "deb $mirror $suite main" >/tmp/sources.list
	mkdir -p "$lists/partial"
	"$@" -o Dir::Etc::SourceList=/tmp/sources.list -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$lists" -o Dir::Cache=/tmp \
		-o APT::Sandbox::User=root -o Acquire::Languages=none
}

# fetch SUITE DIR PACKAGE[=VERSION]... : download packages to DIR
fetch() {
	local suite=$1 dir=$2
	shift 2
	mkdir -p "$dir"
	[ -d "$lists" ] || apt_for "$suite" apt-get -qq update
	(cd "$dir" && apt_for "$suite" apt-get -q download "$@")
}
