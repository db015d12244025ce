# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# For tests in L1 on the debug kernel: make what the drivers call fail.

# text_of MODULE... : "FIRST LAST", the addresses between which their code lies
text_of() {
	local m
	for m; do
		awk -v m="[$m]" '$4 == m && $2 ~ /[tT]/ { print $1 }' /proc/kallsyms
	done | sort | sed -n '1p; $p' | paste -sd' '
}

# allocations_can_fail MODULE... : a task that writes N to its fail-nth has its Nth
# allocation from now on fail, counted are those in calls of these modules
allocations_can_fail() {
	local f range
	read -r -a range <<<"$(text_of "$@")"
	for f in failslab fail_page_alloc; do
		f=/sys/kernel/debug/$f
		[ -d $f ] || skip "this kernel cannot let allocations fail"
		echo N >$f/ignore-gfp-wait
		echo 0 >$f/verbose
		echo 32 >$f/stacktrace-depth
		echo "0x${range[0]}" >$f/require-start
		echo "0x${range[1]}" >$f/require-end
	done
	f=/sys/kernel/debug/fail_page_alloc
	echo N >$f/ignore-gfp-highmem
	echo 0 >$f/min-order
}

# each_allocation_fails LIMIT DO [UNDO] : run the shell command DO again and again,
# each time with the next of its allocations failing, until all have been through.
# A DO that works nevertheless is undone by UNDO. DO may only be builtins, whose
# system calls are this shell's own. Afterwards it must work.
each_allocation_fails() {
	local n left failed=0 self=/proc/$BASHPID/fail-nth
	for ((n = 1; n <= $1; n++)); do
		echo $n >"$self"
		if eval "$2" 2>/dev/null; then
			read -r left <"$self"
			echo 0 >"$self"
			eval "${3:-:}" || fail "could not be undone with allocation $n failing: $2"
		else
			read -r left <"$self"
			echo 0 >"$self"
			[ "$left" = 0 ] || fail "failed by itself, allocation $n not reached: $2"
			failed=$((failed + 1))
		fi
		[ "$left" = 0 ] || break
	done
	[ $n -le "$1" ] || fail "more than $1 allocations: $2"
	[ $failed -gt 0 ] || fail "not one failed allocation was noticed: $2"
	eval "$2" || fail "does not work any more: $2"
	eval "${3:-:}"
	echo "# $((n - 1)) allocations, $failed of them needed: $2"
}

# with_failing FUNCTION MODULE RETVAL[,SKIP[,TIMES]] CMD... : CMD while FUNCTION,
# called by MODULE, returns RETVAL. Fails if the function was not called. The exit
# status is CMD's.
with_failing() {
	local function=$1 module=$2 how status=0 hits
	IFS=, read -r -a how <<<"$3"
	shift 3
	modprobe vpc_fail function="$function" within="$module" retval="${how[0]}" \
		skip="${how[1]:-0}" times="${how[2]:--1}" || fail "cannot let $function fail"
	"$@" || status=$?
	hits=$(cat /sys/module/vpc_fail/parameters/hits)
	modprobe -r vpc_fail
	[ "$hits" -gt 0 ] || fail "$module did not call $function: $*"
	return $status
}
