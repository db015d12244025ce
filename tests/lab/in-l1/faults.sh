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
		echo 6 >$f/stacktrace-depth
		echo "0x${range[0]}" >$f/require-start
		echo "0x${range[1]}" >$f/require-end
	done
	f=/sys/kernel/debug/fail_page_alloc
	echo N >$f/ignore-gfp-highmem
	echo 0 >$f/min-order
}

# each_allocation_fails [--program] LIMIT DO [UNDO] : run the shell command DO again
# and again, each time with the next of its allocations failing, until all have been
# through. A DO that works nevertheless is undone by UNDO. Afterwards it must work.
# The system calls of DO are this shell's own (builtins), or a program's.
each_allocation_fails() {
	local n left=1 failed=0 program='' status
	# What is tolerated without an error is not "needed".
	[ "$1" != --program ] || { program=1; shift; }
	for ((n = 1; n <= $1; n++)); do
		status=0
		fail_once $n "$program" "$2" >/tmp/said 2>&1 || status=$?
		if [ $status = 0 ]; then
			eval "${3:-:}" || fail "not to be undone after failed allocation $n: $2"
		elif [ "$left" = 0 ]; then
			failed=$((failed + 1))
		else
			cat /tmp/said
			fail "failed by itself, before allocation $n: $2"
		fi
		[ "$left" = 0 ] || break
	done
	[ "$left" != 0 ] || fail "more than $1 allocations: $2"
	[ $n -gt 1 ] || fail "no allocation was reached: $2"
	eval "$2" || fail "does not work any more: $2"
	eval "${3:-:}"
	echo "# $((n - 1)) allocations, $failed of them needed: $2"
}

# For each_allocation_fails: sets its variable left
fail_once() {
	local status=0 self=/proc/$BASHPID/fail-nth
	if [ -n "$2" ]; then
		rm -f /tmp/fail-left
		FAIL_NTH=$1 FAIL_LEFT=/tmp/fail-left LD_PRELOAD=$UAPI/failnth.so \
			bash -c "exec $3" || status=$?
		read -r left </tmp/fail-left || left=0
	else
		echo "$1" >"$self"
		eval "$3" || status=$?
		read -r left <"$self"
		echo 0 >"$self"
	fi
	return $status
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
